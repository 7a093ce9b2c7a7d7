# Twelve schools, mixed-grade classes against classes of one grade: every method by sites, and the tables about sites.
# In this folder: Rscript schools.R > schools.json
source("common.R")
d <- table_data("schools")
d$arm <- d$mixed; d$male <- as.integer(d$sex == "boy"); d$min <- as.integer(d$minority == "Y")
d$school <- factor(d$school, unique(d$school)); G <- nlevels(d$school)
named <- c(male = "sex=male", min = "minority=Y", ses = "ses", iq = "iq")
known <- list(language = names(named), arithmetic = c("male", "iq"))
for (o in names(known)) {
  d$y <- d[[paste0(o, "_after")]]; d$b <- d[[paste0(o, "_before")]]; others <- paste(known[[o]], collapse = "+")
  f <- as.formula(paste("y ~ arm + b +", others)); terms <- c("(Intercept)", "arm", "baseline", named[known[[o]]])
  by_club(o, "ANCOVA, CR2 by site", lm(f, d), terms, d$school)
  by_kr(o, "ANCOVA with random site, Kenward-Roger", lmer(update(f, . ~ . + (1 | school)), d, control = exact), terms,
        list(school = "site", Residual = "residual"))
  l <- rbind(transform(d, t = 0, s = b), transform(d, t = 1, s = y)); l$person <- factor(l$pupil)
  by_club(o, "Difference-in-differences with person and period effects, CR2 by site",
          lm(s ~ 0 + I(arm * t) + t + person, l), c("arm:after", "timepoint=after"), l$school)
  f <- as.formula(paste("s ~ arm + t +", others, "+ I(arm * t)"))
  terms <- c("(Intercept)", "arm", "timepoint=after", named[known[[o]]], "arm:timepoint=after")
  by_kr(o, "Mixed model with random site, site x period and person, Kenward-Roger",
        lmer(update(f, . ~ . + (1 | school) + (1 | school:t) + (1 | person)), l, control = exact), terms,
        list(school = "site", "school:t" = "site x period", person = "person", Residual = "residual"))
  l <- l[order(l$person, l$t), ]
  fit <- gls(f, l, correlation = corSymm(form = ~ 1 | person), weights = varIdent(form = ~ 1 | t),
             control = glsControl(tolerance = 1e-12, msTol = 1e-14))
  by_club(o, "Repeated measures, CR2 by site", fit, terms, l$school)
}
u <- arithmetic_after ~ arm
by_club("unadjusted", "ANCOVA, CR2 by site", lm(u, d), c("(Intercept)", "arm"), d$school)
by_kr("unadjusted", "ANCOVA with random site, Kenward-Roger", lmer(update(u, . ~ . + (1 | school)), d, control = exact),
      c("(Intercept)", "arm"), list(school = "site", Residual = "residual"))

# Schools alike, whatever their size.
d$own <- 1 / as.vector(table(d$school)[d$school]); d$change <- d$language_after - d$language_before
f <- language_after ~ arm + language_before + male + min + ses + iq; terms <- c("(Intercept)", "arm", "baseline", named)
by_club("by-site", "ANCOVA, sites counted alike, CR2 by site", lm(f, d, weights = own), terms, d$school, inverse_var = FALSE)
by_club("by-site", "Difference-in-differences with person and period effects, sites counted alike, CR2 by site",
        lm(change ~ arm, d, weights = own), c("timepoint=after", "arm:after"), d$school, inverse_var = FALSE)

# Weights by the propensity score and by entropy (Hainmueller 2012).
X <- as.matrix(d[, c("language_before", "male", "min", "ses", "iq")])
ps <- glm(d$arm ~ X, family = binomial, control = glm.control(epsilon = 1e-14))$fitted.values
C <- scale(X[d$arm == 0, ], colMeans(X[d$arm == 1, ]), apply(X, 2, sd)); z <- rep(0, 5)
for (k in 1:50) { p <- exp(drop(C %*% z)); p <- p / sum(p); g <- colSums(p * C); z <- z - solve(t(C) %*% (p * C) - tcrossprod(g), g) }
entropy <- rep(1, nrow(d)); entropy[d$arm == 0] <- p * sum(d$arm)
given <- list(overlap = ifelse(d$arm == 1, 1 - ps, ps), ATT = ifelse(d$arm == 1, 1, ps / (1 - ps)), entropy = entropy)
smd <- function(x, w) { m <- sapply(1:0, function(a) weighted.mean(x[d$arm == a], w[d$arm == a]))
  (m[1] - m[2]) / sqrt((var(x[d$arm == 1]) + var(x[d$arm == 0])) / 2) }
labels <- c("Baseline score", "Sex: male", "Minority: Y", "Ses", "Iq")
for (n in names(given)) { d$pw <- given[[n]]
  by_club("language", paste0("Weighted ANCOVA (", n, "), CR2 by site"), lm(language_after ~ arm + language_before, d,
          weights = pw), c("(Intercept)", "arm", "baseline"), d$school, inverse_var = FALSE) }
for (j in 1:5) { told("balance", labels[j], "As they came", smd(X[, j], rep(1, nrow(d))))
  told("balance", labels[j], "Weighted to the first arm", smd(X[, j], given$ATT)) }

# All 4,096 signs of the wild bootstrap, all 924 ways of dealing six schools out.
g <- as.integer(d$school); signs <- as.matrix(expand.grid(rep(list(c(-1, 1)), G))); ways <- combn(G, 6)
t_of <- function(X, y, w) { M <- solve(crossprod(X, w * X)); b <- M %*% crossprod(X, w * y)
  b[2] / sqrt((M %*% crossprod(rowsum(X * w * drop(y - X %*% b), g)) %*% M)[2, 2]) }
wild <- function(f, w) { X <- model.matrix(f, d); y <- model.response(model.frame(f, d)); R <- X[, -2, drop = FALSE]
  null <- drop(R %*% solve(crossprod(R, w * R), crossprod(R, w * y))); seen <- abs(t_of(X, y, w))
  mean(apply(signs, 1, function(s) abs(t_of(X, null + (y - null) * s[g], w)) >= seen * (1 - 1e-10))) }
dealt <- function(f) { m <- tapply(resid(lm(update(f, . ~ . - arm), d)), d$school, mean)
  gap <- function(k) mean(m[k]) - mean(m[-k]); seen <- abs(gap(which(tapply(d$arm, d$school, max) == 1)))
  mean(abs(apply(ways, 2, gap)) >= seen * (1 - 1e-10)) }
tested <- function(outcome, method, fit, p) { add(outcome, method, "arm", "difference", coef(fit)[["arm"]])
  rows[[length(rows)]]$p_value <<- p }
signed <- "wild cluster bootstrap (all 4,096 signs)"; all_ways <- "ANCOVA, permutation of sites (all 924 ways)"
tested("language", paste("ANCOVA,", signed), lm(f, d), wild(f, rep(1, nrow(d))))
tested("by-site", paste("ANCOVA, sites counted alike,", signed), lm(f, d, weights = own), wild(f, d$own))
tested("unadjusted", paste("ANCOVA,", signed), lm(u, d), wild(u, rep(1, nrow(d))))
tested("language", all_ways, lm(f, d), dealt(f))
tested("unadjusted", all_ways, lm(u, d), dealt(u))

# Events: risks over the people of mixed-grade classes where the model is logistic, else over everybody.
d$e <- as.integer(d$arithmetic_after >= 20); e <- e ~ arm + iq + male; terms <- c("(Intercept)", "arm", "iq", "sex=male")
for (name in names(KINDS)) {
  by_glm("good", name, e, d, d$school, terms, among = if (name == "Logistic") d$arm else 1)
  by_glm("good-by-site", name, e ~ arm, d, d$school, c("(Intercept)", "arm"), w = d$own, suffix = ", sites counted alike",
         among = if (name == "Logistic") d$arm else 1)
}
by_gee("good", e, d, d$school, terms)
by_quadrature("good", update(e, . ~ . + (1 | school)), d, terms, G)

# Intracluster correlation, arms apart, with Searle's interval.
a <- anova(lm(language_after ~ factor(arm) + school, d)); n <- table(d$school); role <- tapply(d$arm, d$school, max)
F <- a["school", "F value"]; df <- a[c("school", "Residuals"), "Df"]
usual <- (nrow(d) - sum(tapply(n, role, function(s) sum(s^2) / sum(s)))) / df[1]
alike <- function(F) (F - 1) / (F + usual - 1); pair <- "Between two people of one site, arms apart"
told("icc-language", pair, "estimate", alike(F))
told("icc-language", pair, "conf_low", alike(F / qf(0.975, df[1], df[2])))
told("icc-language", pair, "conf_high", alike(F / qf(0.025, df[1], df[2])))

# Subgroups by interaction: differences within levels, and the test that they are the same (HTZ).
sub <- function(name, by, levels, f) {
  d$by <- by; whole <- lm(update(f, . ~ . + by + arm:by), d)
  test <- Wald_test(whole, constrain_zero("arm:by", reg_ex = TRUE), vcov = "CR2", cluster = d$school, test = "HTZ")
  told("subgroup-tests", name, "statistic", test$Fstat); told("subgroup-tests", name, "denominator", test$df_denom)
  told("subgroup-tests", name, "p_value", test$p_val)
  own <- lm(update(f, . ~ . - arm + by + arm:by), d); ct <- conf_int(own, vcov = "CR2", cluster = d$school)
  k <- grep("arm:by|by.*:arm", names(coef(own)))
  for (i in seq_along(levels)) { row <- paste0(name, ": ", levels[i]); told("subgroups", row, "estimate", ct$beta[k[i]])
    told("subgroups", row, "conf_low", ct$CI_L[k[i]]); told("subgroups", row, "conf_high", ct$CI_U[k[i]]) }
}
sub("Sex", factor(d$male), c("Female", "Male"), update(f, . ~ . - male))
sub("Iq", cut(d$iq, c(-Inf, 10, 12, Inf), right = FALSE), c("below 10", "10 to below 12", "12 and above"), f)
finish()
