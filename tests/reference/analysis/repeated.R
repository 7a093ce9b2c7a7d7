# Repeated measures of people, any covariance between visits: estimates by gls; Kenward and Roger's errors (1997) written
# from the paper, with the covariance by standard deviations and a unit lower triangle as R's mmrm has it, and the observed
# information. Sourced by scripts that have sourced common.R.
library(numDeriv)
sigma_of <- function(theta, m) {
  L <- diag(m); L[upper.tri(L)] <- theta[-(1:m)]                 # row by row of the lower triangle
  tcrossprod(exp(theta[1:m]) * t(L))
}
theta_of <- function(S) { C <- t(chol(S)); d <- diag(C); c(log(d), t(C / d)[upper.tri(C)]) }
kenward_roger <- function(method, terms, X, y, id, time, outcomes) {
  m <- max(time); columns <- paste0("x", seq_len(ncol(X)))
  g <- cbind(data.frame(y, id = factor(id), time), setNames(as.data.frame(X), columns))
  fit <- gls(reformulate(columns, "y", intercept = FALSE), g, correlation = corSymm(form = ~ time | id),
             weights = varIdent(form = ~ 1 | time), control = glsControl(tolerance = 1e-12, msTol = 1e-14, maxIter = 500,
             msMaxIter = 500))
  whole <- getVarCov(fit, individual = names(which(table(id) == m))[1]); own <- split(seq_along(y), id)
  over <- function(S, make) Reduce(`+`, lapply(own, function(i) { t <- time[i]
    make(X[i, , drop = FALSE], y[i], solve(S[t, t, drop = FALSE]), t) }))
  reml <- function(theta) { S <- sigma_of(theta, m); A <- over(S, function(x, y, W, t) t(x) %*% W %*% x)
    b <- solve(A, over(S, function(x, y, W, t) t(x) %*% W %*% y))
    as.numeric(over(S, function(x, y, W, t) t(y - x %*% b) %*% W %*% (y - x %*% b) - determinant(W)$modulus) +
      determinant(A)$modulus) / 2 }
  theta <- theta_of(matrix(as.vector(whole), m)); for (k in 1:3) theta <- theta - solve(hessian(reml, theta), grad(reml, theta))
  W <- solve(hessian(reml, theta)); S <- sigma_of(theta, m); q <- length(theta)
  first <- function(t) jacobian(function(u) as.vector(sigma_of(u, m)), t)
  one <- first(theta); D1 <- lapply(1:q, function(i) matrix(one[, i], m))
  two <- jacobian(function(t) as.vector(first(t)), theta); D2 <- function(i, j) matrix(two[(i - 1) * m^2 + 1:m^2, j], m)
  Phi <- solve(over(S, function(x, y, V, t) t(x) %*% V %*% x)); beta <- Phi %*% over(S, function(x, y, V, t) t(x) %*% V %*% y)
  P <- lapply(D1, function(D) -over(S, function(x, y, V, t) t(x) %*% V %*% D[t, t] %*% V %*% x)); extra <- 0
  for (i in 1:q) for (j in 1:q) extra <- extra + W[i, j] * (over(S, function(x, y, V, t) t(x) %*% V %*%
    (D1[[i]][t, t] %*% V %*% D1[[j]][t, t] - D2(i, j)[t, t] / 4) %*% V %*% x) - P[[i]] %*% Phi %*% P[[j]])
  A <- Phi + 2 * Phi %*% extra %*% Phi
  stopifnot(abs(coef(fit) - beta) < 1e-4 * sqrt(diag(Phi)), abs(diag(vcov(fit)) / diag(Phi) - 1) < 1e-4)
  for (k in seq_along(beta)) { slope <- sapply(P, function(p) drop(Phi[k, ] %*% p %*% Phi[, k])) / Phi[k, k]
    df <- 2 / drop(slope %*% W %*% slope)
    for (o in names(outcomes)) if (terms[k] %in% c("arm", paste0("arm:timepoint=", outcomes[[o]])))
      add(o, method, terms[k], "difference", beta[k], sqrt(A[k, k]), df) }
}
