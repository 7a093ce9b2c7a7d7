# What the scripts of trials share. They are run in this folder: Rscript schools.R > schools.json
suppressPackageStartupMessages({library(jsonlite); library(clubSandwich); library(lmerTest); library(pbkrtest); library(nlme)
  library(geepack)})
rows <- list()
tables <- list()
table_data <- function(study) read.csv(file.path("..", study, paste0(study, ".csv")))
add <- function(outcome, method, term, scale, estimate, std_error = NA, df = NA, value = estimate) {
  ratio <- scale %in% c("risk ratio", "rate ratio")            # value: the logarithm, where the estimate is a ratio
  reach <- qt(0.975, df) * std_error
  ends <- if (ratio) exp(value + c(-1, 1) * reach) else estimate + c(-1, 1) * reach
  rows[[length(rows) + 1]] <<- list(outcome = outcome, method = method, term = term, scale = scale, estimate = estimate,
    std_error = std_error, df = df, conf_low = ends[1], conf_high = ends[2], p_value = 2 * pt(-abs(value / std_error), df))
}
told <- function(table, row, statistic, value) tables[[length(tables) + 1]] <<- list(table = table, row = row,
  statistic = statistic, value = value)
finish <- function() cat(toJSON(list(r_version = R.version.string, packages = as.list(sapply(c("clubSandwich", "lme4",
  "lmerTest", "pbkrtest", "nlme", "geepack"), function(p) as.character(packageVersion(p)))), results = rows, tables = tables),
  auto_unbox = TRUE, digits = 15, na = "null", pretty = TRUE), "\n")

# ---------------------------------------------------------------------------- least squares and mixed models
by_club <- function(outcome, method, fit, terms, cluster, scale = "difference", ...) {
  found <- coef_test(fit, vcov = vcovCR(fit, cluster = cluster, type = "CR2", ...), test = "Satterthwaite")
  for (i in seq_along(terms)) add(outcome, method, terms[i], scale, found$beta[i], found$SE[i], found$df_Satt[i])
}
exact <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e5))
by_kr <- function(outcome, method, fit, terms, groups) {
  found <- coef(summary(fit, ddf = "Kenward-Roger")); parts <- as.data.frame(VarCorr(fit))
  for (i in seq_along(terms)) add(outcome, method, terms[i], "difference", found[i, 1], found[i, 2], found[i, 3])
  for (g in names(groups)) add(outcome, method, paste("variance:", groups[[g]]), "variance", parts$vcov[parts$grp == g])
}

# ---------------------------------------------------------------------------- CR2 of any estimating equations
# Pustejovsky and Tipton (2018), written from the paper: derivatives D (n, p) of the means, residuals e, weights W and
# working covariances V as lists of matrices by cluster. L (k, p): the directions wanted.
half <- function(S) {
  e <- eigen((S + t(S)) / 2, symmetric = TRUE); keep <- e$values > 1e-9 * max(e$values)
  e$vectors[, keep, drop = FALSE] %*% (e$values[keep]^-0.5 * t(e$vectors[, keep, drop = FALSE]))
}
bias_reduced <- function(D, e, W, V, cluster, L) {
  own <- split(seq_along(cluster), cluster)[names(W)]; part <- lapply(own, function(i) D[i, , drop = FALSE])
  M <- solve(Reduce(`+`, Map(function(d, w) t(d) %*% w %*% d, part, W)))
  middle <- M %*% Reduce(`+`, Map(function(d, w, v) t(d) %*% w %*% v %*% w %*% d, part, W, V)) %*% M
  left <- function(a, b) {                                     # covariance of residuals of clusters a and b
    one <- part[[a]] %*% M %*% t(part[[b]]) %*% W[[b]] %*% V[[b]]
    two <- part[[b]] %*% M %*% t(part[[a]]) %*% W[[a]] %*% V[[a]]
    part[[a]] %*% middle %*% t(part[[b]]) - one - t(two) + (if (a == b) V[[a]] else 0)
  }
  G <- seq_along(own)
  adjust <- lapply(G, function(g) { U <- chol(V[[g]]); t(U) %*% half(U %*% left(g, g) %*% t(U)) %*% U })
  score <- sapply(G, function(g) drop(M %*% t(part[[g]]) %*% W[[g]] %*% adjust[[g]] %*% e[own[[g]]]))
  lever <- lapply(G, function(g) t(adjust[[g]]) %*% W[[g]] %*% part[[g]] %*% M)
  df <- apply(L, 1, function(l) {
    P <- outer(G, G, Vectorize(function(a, b) drop(t(lever[[a]] %*% l) %*% left(a, b) %*% lever[[b]] %*% l)))
    sum(diag(P))^2 / sum(P^2)
  })
  list(se = sqrt(rowSums((L %*% score)^2)), df = df)
}
by_cluster <- function(values, cluster) lapply(split(values, cluster), function(v) diag(v, length(v)))

# ---------------------------------------------------------------------------- events, by g-computation
KINDS <- list(
  "Logistic" = list(family = quasibinomial(), slope = function(m) m * (1 - m), variance = function(m) m * (1 - m),
                    scale = "log odds ratio"),
  "Modified Poisson" = list(family = quasipoisson(), slope = identity, variance = identity, scale = "log risk ratio"),
  "Linear probability" = list(family = gaussian(), slope = function(m) rep(1, length(m)),
                              variance = function(m) rep(1, length(m)), scale = "risk difference"))
with_arm <- function(X, beta, kind, among) {                    # averages with the arm (second column) set to 1 and 0
  at <- lapply(c(1, 0), function(a) { X[, 2] <- a; m <- kind$family$linkinv(drop(X %*% beta))
    list(mean = sum(among * m) / sum(among), slope = colSums(among * kind$slope(m) * X) / sum(among)) })
  list(one = at[[1]]$mean, none = at[[2]]$mean, L = rbind(diag(length(beta)), at[[1]]$slope - at[[2]]$slope,
       at[[1]]$slope / at[[1]]$mean - at[[2]]$slope / at[[2]]$mean))
}
said <- function(outcome, method, beta, found, kind, means, terms) {
  last <- length(beta) + 2
  for (i in seq_along(terms)) if (i != 2 || kind$scale != "risk difference")
    add(outcome, method, terms[i], kind$scale, beta[[i]], found$se[i], found$df[i])
  add(outcome, method, "arm", "risk difference", means$one - means$none, found$se[last - 1], found$df[last - 1])
  j <- if (kind$scale == "log risk ratio") 2 else last
  value <- if (j == 2) beta[[2]] else log(means$one / means$none)
  add(outcome, method, "arm", "risk ratio", exp(value), found$se[j], found$df[j], value)
}
by_glm <- function(outcome, name, f, d, cluster, terms, w = 1, among = 1, suffix = "") {
  kind <- KINDS[[name]]; d$.w <- rep_len(w, nrow(d))
  fit <- glm(f, kind$family, d, weights = .w, control = glm.control(epsilon = 1e-14, maxit = 200))
  X <- model.matrix(fit); m <- fit$fitted.values; v <- kind$variance(m)
  means <- with_arm(X, coef(fit), kind, rep_len(among, nrow(d)) * d$.w)
  found <- bias_reduced(X * kind$slope(m), fit$y - m, by_cluster(d$.w / v, cluster), by_cluster(v, cluster), cluster, means$L)
  if (identical(w, 1)) {                                         # the same by clubSandwich, which knows no such weights
    club <- coef_test(fit, vcov = vcovCR(fit, cluster = cluster, type = "CR2"), test = "Satterthwaite")
    p <- seq_along(coef(fit)); stopifnot(abs(club$SE / found$se[p] - 1) < 1e-6, abs(club$df_Satt / found$df[p] - 1) < 1e-5)
  }
  said(outcome, paste0(name, suffix, ", CR2 by site"), coef(fit), found, kind, means, terms)
}
by_gee <- function(outcome, f, d, id, terms) {
  d$.id <- as.integer(factor(id)); d <- d[order(d$.id), ]; kind <- KINDS[["Logistic"]]
  fit <- geeglm(f, binomial, d, id = .id, corstr = "exchangeable", control = geese.control(epsilon = 1e-12, maxit = 300))
  X <- model.matrix(fit); m <- fitted(fit)[, 1]; v <- fit$geese$gamma * m * (1 - m); rho <- fit$geese$alpha
  V <- lapply(split(v, d$.id), function(s) sqrt(s) * t(sqrt(s) * (rho + diag(1 - rho, length(s)))))
  means <- with_arm(X, coef(fit), kind, rep(1, nrow(d)))
  found <- bias_reduced(X * m * (1 - m), fit$y - m, lapply(V, solve), V, d$.id, means$L)
  said(outcome, "Logistic GEE, exchangeable within sites, CR2 by site", coef(fit), found, kind, means, terms)
}
by_quadrature <- function(outcome, f, d, terms, sites) {
  fit <- glmer(f, d, binomial, nAGQ = 25, control = glmerControl(optimizer = "bobyqa",
    optCtrl = list(rhoend = 1e-10, maxfun = 1e5)))
  found <- coef(summary(fit)); method <- "Logistic with random site, adaptive quadrature"
  for (i in seq_along(terms)) add(outcome, method, terms[i], "log odds ratio", found[i, 1], found[i, 2], sites - 2)
  add(outcome, method, "variance: site", "variance", as.data.frame(VarCorr(fit))$vcov)
}
