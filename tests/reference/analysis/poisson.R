# GP attendances of the reference study: every coefficient with CR2, the rate difference by g-computation with the
# delta method, and quasi-Poisson errors.
# Usage: Rscript poisson.R REFERENCE_FOLDER > poisson.json
suppressPackageStartupMessages({library(jsonlite); library(clubSandwich)})
folder <- commandArgs(TRUE)[1]
d <- read.csv(file.path(folder, "comparison", "data", "cba_person.csv"))
fit <- glm(gp_post ~ arm + log(gp_pre + 0.5) + age + female + factor(imd) + ltc + offset(log(fu_years)),
           family = poisson, data = d, control = glm.control(epsilon = 1e-14, maxit = 50))
names <- c("(Intercept)", "arm", "baseline", "age", "female", "imd=2", "imd=3", "imd=4", "imd=5", "ltc")
V <- vcovCR(fit, cluster = d$practice, type = "CR2")
test <- coef_test(fit, vcov = V, test = "Satterthwaite")
rows <- list()
add <- function(...) rows[[length(rows) + 1]] <<- list(...)
for (i in seq_along(names))
  add(method = "CR2", term = names[i], estimate = unname(coef(fit)[i]), std_error = test$SE[i], df = test$df_Satt[i])
one <- transform(d, arm = 1, fu_years = 1); zero <- transform(d, arm = 0, fu_years = 1)
X1 <- model.matrix(delete.response(terms(fit)), one); X0 <- model.matrix(delete.response(terms(fit)), zero)
r1 <- as.vector(exp(X1 %*% coef(fit))); r0 <- as.vector(exp(X0 %*% coef(fit)))
gradient <- colMeans(X1 * r1) - colMeans(X0 * r0)
contrast <- linear_contrast(fit, vcov = V, contrasts = matrix(gradient, 1), test = "Satterthwaite")
add(method = "CR2", term = "rate difference", estimate = mean(r1 - r0),
    std_error = sqrt(drop(t(gradient) %*% as.matrix(V) %*% gradient)), df = contrast$df)
quasi <- summary(update(fit, family = quasipoisson))$coefficients
for (i in seq_along(names))
  add(method = "classical", term = names[i], estimate = quasi[i, 1], std_error = quasi[i, 2], df = fit$df.residual)
cat(toJSON(list(r_version = R.version.string, clubSandwich = as.character(packageVersion("clubSandwich")),
                results = rows), auto_unbox = TRUE, digits = 15, pretty = TRUE), "\n")
