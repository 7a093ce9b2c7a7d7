# Job training and later earnings: nobody drew lots, people are the units. Weights, the doubly robust change and risks.
# In this folder: Rscript jobs.R > jobs.json
source("common.R")
d <- table_data("jobs"); d$arm <- d$treat; d$e <- as.integer(d$re78 >= 5000); d$b <- as.integer(d$re75 >= 5000)
others <- ~ age + educ + race + married + nodegree + re74
terms <- c("(Intercept)", "arm", "baseline", "age", "educ", "race=hispan", "race=white", "married=1", "nodegree=1", "re74")
fit <- lm(update(others, re78 ~ arm + re75 + .), d); s <- coef(summary(fit))
for (i in seq_along(terms)) add("earnings", "ANCOVA, classical errors", terms[i], "difference", s[i, 1], s[i, 2], fit$df.residual)
fit <- lm(re78 - re75 ~ arm, d); s <- coef(summary(fit))
add("earnings", "Difference-in-differences with person and period effects, classical errors", "arm:after", "difference",
    s[2, 1], s[2, 2], fit$df.residual)
exactly <- glm.control(epsilon = 1e-14); X <- model.matrix(update(others, ~ re75 + .), d)[, -1]
ps <- glm(d$arm ~ X, family = binomial, control = exactly)$fitted.values
C <- scale(X[d$arm == 0, ], colMeans(X[d$arm == 1, ]), apply(X, 2, sd)); z <- rep(0, ncol(C))
dual <- function(z) log(sum(exp(drop(C %*% z))))
for (k in 1:60) { p <- exp(drop(C %*% z)); p <- p / sum(p); g <- colSums(p * C); move <- solve(t(C) %*% (p * C) - tcrossprod(g), g)
  while (dual(z - move) > dual(z) + 1e-12) move <- move / 2; z <- z - move }
entropy <- rep(1, nrow(d)); entropy[d$arm == 0] <- p * sum(d$arm)
given <- list(overlap = ifelse(d$arm == 1, 1 - ps, ps), ATT = ifelse(d$arm == 1, 1, ps / (1 - ps)), entropy = entropy)
for (n in names(given)) { d$w <- given[[n]]; fit <- lm(re78 ~ arm + re75, d, weights = w)
  error <- sqrt(diag(vcovCR(fit, cluster = seq_len(nrow(d)), type = "CR0", inverse_var = FALSE)) * nrow(d) / fit$df.residual)
  for (i in 1:3) add("earnings", paste0("Weighted ANCOVA (", n, "), errors between people"), terms[i], "difference",
                     coef(fit)[[i]], error[i], fit$df.residual) }
# Sant'Anna and Zhao (2020), their traditional estimator and its influence function; normal.
D <- d$arm; y <- d$re78 - d$re75; Z <- model.matrix(others, d); n <- nrow(d); score <- glm(D ~ Z - 1, family = binomial, control = exactly)
p <- score$fitted.values; r <- y - drop(Z %*% qr.coef(qr(Z[D == 0, ]), y[D == 0])); w0 <- p * (1 - D) / (1 - p)
e1 <- weighted.mean(r, D); e0 <- weighted.mean(r, w0)
by_line <- ((1 - D) * r * Z) %*% solve(crossprod((1 - D) * Z, Z) / n); by_score <- ((D - p) * Z) %*% (vcov(score) * n)
one <- (D * (r - e1) - by_line %*% colMeans(D * Z)) / mean(D)
none <- (w0 * (r - e0) + by_score %*% colMeans(w0 * (r - e0) * Z) - by_line %*% colMeans(w0 * Z)) / mean(w0)
normal <- function(...) { add(..., df = Inf); rows[[length(rows)]]$df <<- NA }
normal("earnings", "Difference in differences, doubly robust, errors between people", "arm", "difference", e1 - e0,
       sqrt(sum((one - none)^2)) / n)
# Risks of the people who were trained.
fit <- glm(update(others, e ~ arm + b + .), binomial, d, control = exactly)
kind <- KINDS[["Logistic"]]; kind$family <- binomial()
means <- with_arm(model.matrix(fit), coef(fit), kind, d$arm); error <- sqrt(diag(means$L %*% vcov(fit) %*% t(means$L)))
method <- "Logistic, model-based errors"; log_ratio <- log(means$one / means$none)
for (i in seq_along(terms)) normal("some", method, terms[i], "log odds ratio", coef(fit)[[i]], error[i])
normal("some", method, "arm", "risk difference", means$one - means$none, error[11])
normal("some", method, "arm", "risk ratio", exp(log_ratio), error[12], value = log_ratio)
finish()
