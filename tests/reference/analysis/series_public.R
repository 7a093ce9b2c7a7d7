# Series of sites: parts of the reference study's months (interrupted series, event study), cigarettes sold in states
# with invented starts (Callaway and Sant'Anna, Sun and Abraham), and one series alone (R's Seatbelts).
# Usage, in this folder: Rscript series_public.R REFERENCE_FOLDER > series_public.json
source("against_r.R")
suppressPackageStartupMessages(library(nlme))
folder <- commandArgs(TRUE)[1]

# CR2 of a Poisson fit after Pustejovsky and Tipton 2018, with the degrees of freedom of any direction under the working
# variance. clubSandwich 0.5.8 takes eigenvalues to be zero by an absolute limit, which counts in thousands escape.
power <- function(S, q) {
  e <- eigen((S + t(S)) / 2, symmetric = TRUE); kept <- e$values > 1e-10 * max(e$values); v <- e$vectors[, kept, drop = FALSE]
  v %*% (e$values[kept]^q * t(v))
}
cr2_of_counts <- function(X, mu, y, site) {
  Z <- X * mu; M <- solve(crossprod(X * sqrt(mu))); own <- split(seq_along(y), site)
  E <- lapply(own, function(i) {
    D <- sqrt(mu[i]); S <- (D * (diag(mu[i]) - Z[i, ] %*% M %*% t(Z[i, ]))) %*% diag(D)
    M %*% t(X[i, ]) %*% ((D * power(S, -1 / 2)) %*% diag(D))
  })
  V <- tcrossprod(mapply(function(e, i) drop(e %*% (y - mu)[i]), E, own))
  list(V = V, df = function(direction) {
    w <- lapply(E, function(e) drop(direction %*% e)); to <- mapply(function(w, i) drop(w %*% Z[i, ]), w, own)
    P <- -t(to) %*% M %*% to
    diag(P) <- diag(P) + mapply(function(w, i) sum(w^2 * mu[i]), w, own)
    sum(diag(P))^2 / sum(P^2)
  })
}
errors_of <- function(fit, site, by_site) {
  X <- model.matrix(fit)[, !is.na(coef(fit))]; mu <- fitted(fit)
  if (by_site) return(c(list(X = X, b = coef(fit)[colnames(X)]), cr2_of_counts(X, mu, fit$y, site)))
  V <- vcov(fit)[colnames(X), colnames(X)] * sum((fit$y - mu)^2 / mu) / df.residual(fit)
  list(X = X, b = coef(fit)[colnames(X)], V = V, df = function(direction) df.residual(fit))
}
along <- function(method, scale, found, direction, value = sum(direction * found$b), of = identity, term = "arm")
  add("attendances", method, scale, of(value), sqrt(drop(t(direction) %*% found$V %*% direction)), found$df(direction), term)
averaged <- function(method, found, offered, otherwise, changed, w) {  # rates with and without, designs of both
  w <- w / sum(w)
  along(method, "rate difference", found, colSums(w * (offered * changed[[1]] - otherwise * changed[[2]])), sum(w * (offered - otherwise)))
}
interrupted <- function(m, horizon, by_site) {
  season <- max(m$t) + 1 - min(m$t) >= 24
  f <- y ~ post + t + t:post + arm:post + arm:t + arm:t:post + factor(site) + offset(log(py))
  if (season) f <- update(f, . ~ . + cos(2 * pi * t / 12) + sin(2 * pi * t / 12))
  fit <- glm(f, family = poisson, data = m, control = exactly); found <- errors_of(fit, m$site, by_site)
  names <- sapply(strsplit(names(found$b), ":"), function(parts) paste(sort(parts), collapse = ":"))
  apart <- (names == "arm:post") + horizon * (names == "arm:post:t")
  method <- "Controlled interrupted time series"
  along(method, "rate ratio", found, apart, of = exp)
  own <- m$arm == 1 & m$post == 1; there <- m[own, ]
  X <- found$X[own, ]; moved <- model.matrix(delete.response(terms(fit)), transform(there, t = horizon), xlev = fit$xlevels)[, colnames(X)]
  for (each in grep("pi", colnames(X), value = TRUE)) moved[, each] <- X[, each]
  offered <- exp(drop(moved %*% found$b))
  averaged(method, found, offered, offered * exp(-sum(apart * found$b)), list(moved, sweep(moved, 2, apart)), there$py)
}
studied <- function(m, length, by_site) {
  m$p <- floor(m$t / length); whole <- tapply(m$t, m$p, function(t) length(unique(t))) == length
  e <- aggregate(cbind(y, py) ~ site + arm + p, m[whole[as.character(m$p)], ], sum)
  times <- setdiff(sort(unique(e$p)), -1); own <- sapply(times, function(p) e$arm * (e$p == p)); all <- sapply(times, function(p) 1 * (e$p == p))
  fit <- glm(y ~ own + all + factor(site) + offset(log(py)), family = poisson, data = e, control = exactly); found <- errors_of(fit, e$site, by_site)
  place <- 1 + seq_along(times); unit <- function(k) replace(numeric(length(found$b)), k, 1)
  for (k in seq_along(times)) along("Event study", "log rate ratio", found, unit(place[k]), term = sprintf("start%+d", times[k]))
  after <- unit(place[times >= 0]) / sum(times >= 0)
  along("Event study", "rate ratio", found, after, of = exp)
  then <- e$arm == 1 & e$p >= 0; X <- found$X[then, ]; without <- X; without[, place] <- 0
  averaged("Event study", found, exp(drop(X %*% found$b)), exp(drop(without %*% found$b)), list(X, without), e$py[then])
}
months <- read.csv(file.path(folder, "comparison", "data", "cba_monthly.csv"))
months <- transform(months, site = practice, t = month, y = attendances, py = population / 12)
parts <- list(all = list(months, 5, 6), six = list(months[months$practice %in% c(1, 4, 7, 14, 17, 20) & months$month >= -18, ], 8, 3),
              nine = list(months[months$practice %in% c(1:5, 20, 22:24), ], 0, 2))
for (part in names(parts)) for (errors in c("CR2", "classical")) {
  study <- paste(part, errors)
  interrupted(parts[[part]][[1]], parts[[part]][[2]], errors == "CR2")
  suppressWarnings(studied(parts[[part]][[1]], parts[[part]][[3]], errors == "CR2"))
}

# ---- states that start at different times
sales <- read.csv("../cigar/sales.csv"); states <- read.csv("../cigar/states.csv")
ids <- states$state; T <- sort(unique(sales$year)); n <- length(ids)
wide <- function(v) { m <- matrix(NA, n, length(T)); m[cbind(match(sales$state, ids), match(sales$year, T))] <- v; m }
effects <- function(Y, g) {
  cells <- expand.grid(t = T[-1], g = sort(unique(na.omit(g))))
  base <- ifelse(cells$t >= cells$g, cells$g, cells$t) - 1
  one <- lapply(seq_len(nrow(cells)), function(k) {
    dy <- Y[, T == cells$t[k]] - Y[, T == base[k]]; own <- which(g == cells$g[k]); never <- which(is.na(g))
    influence <- numeric(n); influence[own] <- (dy[own] - mean(dy[own])) * n / length(own)
    influence[never] <- -(dy[never] - mean(dy[never])) * n / length(never)
    list(mean(dy[own]) - mean(dy[never]), influence)
  })
  list(cells = cells, att = sapply(one, `[[`, 1), influence = sapply(one, `[[`, 2), share = sapply(cells$g, function(each) mean(!is.na(g) & g == each)), g = g)
}
aggregated <- function(found, k) {  # with what it costs to estimate the shares of the starts
  share <- found$share[k]; total <- sum(share)
  off <- sapply(which(k), function(j) as.numeric(!is.na(found$g) & found$g == found$cells$g[j]) - found$share[j])
  by_share <- off / total - outer(rowSums(off), share / total^2)
  influence <- found$influence[, k, drop = FALSE] %*% (share / total) + by_share %*% found$att[k]
  c(sum(share * found$att[k]) / total, sqrt(sum(influence^2)) / n)
}
interacted <- function(v, g) {
  d <- transform(sales, v = v, start = g[match(state, ids)]); cells <- unique(na.omit(d[, c("start", "year")]))
  cells <- cells[cells$year != cells$start - 1, ]
  X <- sapply(seq_len(nrow(cells)), function(k) as.numeric(!is.na(d$start) & d$start == cells$start[k] & d$year == cells$year[k]))
  fit <- lm(v ~ X + factor(year) + factor(state), data = d)
  K <- ncol(X) + length(T)  # state effects are within the clusters and not counted
  V <- vcovCL(fit, cluster = d$state, type = "HC0", cadjust = FALSE) * n / (n - 1) * (nrow(d) - 1) / (nrow(d) - K)
  keep <- 1 + seq_len(nrow(cells)); b <- coef(fit)[keep]; V <- V[keep, keep]; size <- as.numeric(table(g)[as.character(cells$start)])
  function(which) { w <- size * which(cells$year - cells$start); w <- w / sum(w); c(sum(w * b), sqrt(drop(w %*% V %*% w))) }
}
# With few states at a start: sums of mean series by start, each start's own covariance from four states on, else pooled
by_starts <- function(Y, g, found) {
  at <- ifelse(is.na(g), Inf, g); starts <- sort(unique(at))
  left <- lapply(starts, function(s) { y <- Y[at == s, , drop = FALSE]; sweep(y, 2, colMeans(y)) }); size <- sapply(left, nrow)
  pooled <- Reduce(`+`, lapply(left, crossprod)) / sum(size - 1)
  A <- matrix(0, length(starts), length(T)); k <- which(found$cells$t >= found$cells$g); w <- found$share[k] / sum(found$share[k])
  for (j in seq_along(k)) { s <- starts == found$cells$g[k[j]]; now <- T == found$cells$t[k[j]]; before <- T == found$cells$g[k[j]] - 1
    A[s, now] <- A[s, now] + w[j]; A[s, before] <- A[s, before] - w[j]
    A[starts == Inf, now] <- A[starts == Inf, now] - w[j]; A[starts == Inf, before] <- A[starts == Inf, before] + w[j] }
  sqrt(sum(sapply(seq_along(starts), function(s)
    drop(A[s, ] %*% (if (size[s] >= 4) crossprod(left[[s]]) / (size[s] - 1) else pooled) %*% A[s, ]) / size[s])))
}
for (which in c("many", "few")) for (errors in c("classical", "CR2")) {
  study <- paste("cigar", which, errors); g <- states[[which]]; robust <- errors == "classical"
  scales <- list("rate ratio" = log(sales$packs / sales$population), "rate difference" = sales$packs / sales$population)
  for (scale in names(scales)) {
    of <- if (scale == "rate ratio") exp else identity; found <- effects(wide(scales[[scale]]), g); now <- found$cells$t >= found$cells$g
    one <- aggregated(found, now); two <- interacted(scales[[scale]], g); check <- two(function(e) e >= 0)
    add("packs", "Callaway", scale, of(one[1]), if (robust) one[2] else NA, term = "simple")
    add("packs", "Sun", scale, of(check[1]), if (robust) check[2] else by_starts(wide(scales[[scale]]), g, found), term = "simple")
    if (scale == "rate difference") next
    for (k in seq_along(found$att)) add("packs", "Callaway", "log rate ratio", found$att[k], if (robust) sqrt(sum(found$influence[, k]^2)) / n else NA,
                                        term = paste(found$cells$g[k], "in", found$cells$t[k]))
    since <- found$cells$t - found$cells$g
    for (e in sort(unique(since))) { one <- aggregated(found, since == e); add("packs", "Callaway", "log rate ratio", one[1], if (robust) one[2] else NA, term = sprintf("start%+d", e)) }
    for (e in setdiff(c(min(since) - 1, sort(unique(since))), -1)) {
      one <- two(function(each) each == e); add("packs", "Sun", "log rate ratio", one[1], if (robust) one[2] else NA, term = sprintf("start%+d", e)) }
  }
}

# ---- one series: the law on seat belts in Britain, monthly casualties by distance driven
belts <- as.data.frame(Seatbelts); belts$t <- seq_len(nrow(belts)) - which(belts$law == 1)[1]
for (case in list(list("front", 3, 1), list("rear", 6, 2), list("VanKilled", 12, 0))) {
  d <- transform(belts, y = log(belts[[case[[1]]]] / (kms / 1000)), post = as.numeric(t >= 0)); f <- y ~ post + t + t:post
  for (k in seq_len(case[[3]])) f <- as.formula(paste(deparse1(f), sprintf("+ cos(%d * pi * t / 6) + sin(%d * pi * t / 6)", k, k)))
  fit <- lm(f, data = d); auto <- gls(f, data = d, correlation = corAR1(form = ~1), control = glsControl(tolerance = 1e-12, msTol = 1e-14))
  study <- case[[1]]
  for (name in c("post", "t", "post:t")) {
    add("series", "NeweyWest", "log rate ratio", coef(fit)[name], sqrt(NeweyWest(fit, lag = case[[2]], prewhite = FALSE, adjust = TRUE)[name, name]), term = sub("\\bt\\b", "month", paste(rev(strsplit(name, ":")[[1]]), collapse = ":")))
    add("series", "AR1", "log rate ratio", coef(auto)[name], sqrt(vcov(auto)[name, name]), term = sub("\\bt\\b", "month", paste(rev(strsplit(name, ":")[[1]]), collapse = ":")))
  }
}
finish("nlme")
