# What the scripts for public data share: rows of results, g-computation by the delta method, CR2 as clubSandwich has it.
# Sourced by them: run them in this folder.
suppressPackageStartupMessages({library(jsonlite); library(survival); library(clubSandwich); library(sandwich)})
exactly <- glm.control(epsilon = 1e-14, maxit = 100)
rows <- list()
add <- function(outcome, method, scale, estimate, std_error = NA, df = NA, term = "arm")
  rows[[length(rows) + 1]] <<- list(study = study, outcome = outcome, method = method, scale = scale, term = term,
                                    estimate = unname(estimate), std_error = unname(std_error), df = unname(df))
finish <- function(...) {
  used <- sapply(c("survival", "clubSandwich", "sandwich", ...), function(name) as.character(packageVersion(name)))
  cat(toJSON(list(r_version = R.version.string, packages = as.list(used), results = rows), auto_unbox = TRUE,
             digits = 15, pretty = TRUE, na = "null"), "\n")
}
# Averages with the arm set to 1 and to 0, their difference and log ratio, with gradients; w weighs people.
averages <- function(fit, d, inverse, slope, w = rep(1, nrow(d))) {
  of <- function(arm) {
    d$arm <- arm
    X <- model.matrix(delete.response(terms(fit)), d, xlev = fit$xlevels)
    eta <- drop(X %*% coef(fit))
    list(mean = sum(w * inverse(eta)) / sum(w), gradient = colSums(w * slope(eta) * X) / sum(w))
  }
  one <- of(1); none <- of(0)
  list(difference = one$mean - none$mean, by_difference = one$gradient - none$gradient,
       log_ratio = log(one$mean / none$mean), by_ratio = one$gradient / one$mean - none$gradient / none$mean)
}
LINKS <- list(logit = list(plogis, function(eta) plogis(eta) * (1 - plogis(eta))), log = list(exp, exp),
              identity = list(identity, function(eta) rep(1, length(eta))))
# Degrees of freedom of a direction; clubSandwich 0.5.8 stops at some contrasts of a single coefficient.
df_of <- function(fit, V, direction) {
  single <- which(abs(direction) > 1e-12)
  if (length(single) == 1) return(coef_test(fit, vcov = V, test = "Satterthwaite")$df_Satt[single])
  tryCatch(linear_contrast(fit, vcov = V, contrasts = matrix(direction, 1), test = "Satterthwaite")$df,
           error = function(fault) NA)
}
# The arm's coefficient, difference and ratio of averages. `scales` names the difference and, if wanted, the ratio.
by_site <- function(outcome, method, fit, d, site, link, scale, scales, pop = rep(1, nrow(d)), w = NULL) {
  V <- if (is.null(w)) vcovCR(fit, cluster = d[[site]], type = "CR2") else
    vcovCR(fit, cluster = d[[site]], type = "CR2", inverse_var = FALSE,
           target = if (inherits(fit, "glm")) fit$family$variance(fitted(fit)) else rep(1, nrow(d)))
  found <- coef_test(fit, vcov = V, test = "Satterthwaite")
  add(outcome, method, scale, coef(fit)[2], found$SE[2], found$df_Satt[2])
  said(outcome, method, fit, d, link, scales, as.matrix(V), pop * (if (is.null(w)) 1 else w),
       function(direction) df_of(fit, V, direction))
}
said <- function(outcome, method, fit, d, link, scales, V, pop, df) {
  found <- do.call(averages, c(list(fit, d), LINKS[[link]], list(pop)))
  error <- function(gradient) sqrt(drop(t(gradient) %*% V %*% gradient))
  add(outcome, method, scales[1], found$difference, error(found$by_difference), df(found$by_difference))
  if (length(scales) > 1)
    add(outcome, method, scales[2], exp(found$log_ratio), error(found$by_ratio), df(found$by_ratio))
}
# HC0 by hand, which also serves models of pseudo-values
between_people <- function(fit) {
  B <- bread(fit) / nobs(fit)
  B %*% crossprod(estfun(fit)) %*% B
}
