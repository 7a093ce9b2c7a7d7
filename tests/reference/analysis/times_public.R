# Times to a first event of two trials, from their flat tables: Cox, restricted means and cumulative incidences by
# pseudo-values, Fine and Gray, frailty; and the counts behind one of them, over unequal times.
# Usage, in this folder: Rscript times_public.R > times_public.json
source("against_r.R")
suppressPackageStartupMessages(library(MASS))
closely <- coxph.control(eps = 1e-10, iter.max = 50)

# Fine and Gray as they have it: who had a competing event stays with weight G(t-) / G(their day-), ties after Breslow.
# (survival's finegray() takes censorings of a day for later than its events, and differs where days are shared.)
fine_gray <- function(X, days, kind) {
  lost <- survfit(Surv(days, kind == 0) ~ 1)
  G <- function(t) c(1, lost$surv)[findInterval(t, lost$time, left.open = TRUE) + 1]
  beta <- rep(0, ncol(X))
  for (round in 1:40) {
    U <- 0; I <- 0
    for (t in sort(unique(days[kind == 1]))) {
      r <- ifelse(days >= t, 1, ifelse(kind == 2, G(t) / G(days), 0)) * exp(drop(X %*% beta))
      m <- colSums(r * X) / sum(r); own <- days == t & kind == 1
      U <- U + colSums(X[own, , drop = FALSE]) - sum(own) * m
      I <- I + sum(own) * (crossprod(X, r * X) / sum(r) - tcrossprod(m))
    }
    step <- solve(I, U); beta <- beta + step
    if (max(abs(step)) < 1e-13) break
  }
  beta
}
# `t` days and `e` 0, 1 or 2 (death) in d; up to day `horizon`
times <- function(outcome, d, covariates, horizon, site = NULL) {
  d <- transform(d, day = pmin(t, horizon), kind = ifelse(t <= horizon, e, 0))
  d$mean <- d$risk <- NA
  for (arm in 0:1) {
    own <<- d[d$arm == arm, ]; own$one <<- seq_len(nrow(own)); role <- c("comparison", "intervention")[arm + 1]
    alone <- survfit(Surv(day, kind == 1) ~ 1, data = own)
    d$mean[d$arm == arm] <- pseudo(alone, times = horizon, type = "rmst")
    if (is.null(site)) {
      s <- summary(alone, rmean = horizon)$table
      add(outcome, "Restricted mean", "Restricted mean time", s["rmean"], s["se(rmean)"], term = role)
    }
    if (any(d$kind == 2)) {
      both <- survfit(Surv(day, factor(kind, 0:2)) ~ 1, data = own, id = one)
      d$risk[d$arm == arm] <- pseudo(both, times = horizon, type = "pstate")[, 2]
      s <- summary(both, times = horizon, extend = TRUE)
      if (is.null(site)) add(outcome, "Cumulative", "Cumulative incidence", s$pstate[, 2], s$std.err[, 2], term = role)
    } else d$risk[d$arm == arm] <- 1 - pseudo(alone, times = horizon, type = "surv")
  }
  of <- function(left) as.formula(paste(left, "~ arm", if (nchar(covariates)) paste("+", covariates)))
  for (what in list(list("mean", "Restricted mean", c("difference", "mean time ratio")),
                    list("risk", "Cumulative", c("risk difference", "risk ratio")))) {
    fit <- lm(of(what[[1]]), data = d)
    if (is.null(site)) said(outcome, what[[2]], fit, d, "identity", what[[3]], between_people(fit), rep(1, nrow(d)), function(direction) NA)
    else by_site(outcome, what[[2]], fit, d, site, "identity", what[[3]][1], what[[3]])
  }
  cause <- coxph(of("Surv(day, kind == 1)"), data = d, control = closely)
  scale <- "log hazard ratio"
  add(outcome, "Cox", scale, coef(cause)[1], if (is.null(site)) sqrt(vcov(cause)[1, 1]) else NA)
  if (is.null(site)) {
    X <- model.matrix(cause)
    add(outcome, "Fine-Gray", paste("log subdistribution", "hazard ratio"), fine_gray(X, d$day, d$kind)[1])
  } else {
    d$own <- d[[site]]
    # outer steps end when the likelihood hardly moves; sparse errors take litters for independent of the arm
    shared <- coxph(update(of("Surv(day, kind == 1)"), . ~ . + frailty(own, sparse = FALSE)), data = d,
                    control = coxph.control(eps = 1e-12, toler.chol = 1e-14, iter.max = 200, outer.max = 200))
    add(outcome, "Cox with gamma frailty", scale, coef(shared)[1], sqrt(shared$var[1, 1]), length(unique(d$own)) - 2)
  }
}
study <- "cgd"
d <- read.csv("../cgd/cgd.csv")
d <- transform(d, arm = as.numeric(treat == 1), inherit = factor(inherit), steroids = factor(steroids), t = first, e = had)
times("first", d, "age + inherit + steroids", 273, "centre")

study <- "rats"
d <- transform(read.csv("../rats/rats.csv"), arm = rx, t = time, e = status)
times("tumour", d, "", 104, "litter")

study <- "bladder"
d <- read.csv("../bladder/bladder.csv")
d <- transform(d, arm = as.numeric(treatment == "thiotepa"), t = ifelse(first == 0, 0.5, first), e = ifelse(had == 1, 1, ifelse(died == "died", 2, 0)))
times("first", d, "number + size", 30)
times("first-alone", d, "", 48)
d <- transform(d[d$months > 0, ], years = 30 * months / 365.25)
f <- recurrences ~ arm + number + size + offset(log(years))
fit <- glm(f, family = poisson, data = d, control = exactly)
V <- vcov(fit) * sum(residuals(fit, "pearson")^2) / df.residual(fit)
add("recurrences", "Poisson", "log rate ratio", coef(fit)[2], sqrt(V[2, 2]), df.residual(fit))
said("recurrences", "Poisson", fit, transform(d, years = 1), "log", "rate difference", V, rep(1, nrow(d)), function(direction) df.residual(fit))
size <- glm.nb(f, data = d, control = glm.control(epsilon = 1e-14, maxit = 200))$theta
fit <- glm(f, family = negative.binomial(size), data = d, control = exactly)
V <- summary(fit, dispersion = 1)$cov.scaled
add("recurrences", "Negative binomial", "log rate ratio", coef(fit)[2], sqrt(V[2, 2]))
add("recurrences", "Negative binomial", "size", size, term = "size")
said("recurrences", "Negative binomial", fit, transform(d, years = 1), "log", "rate difference", V, rep(1, nrow(d)), function(direction) NA)
finish("MASS")
