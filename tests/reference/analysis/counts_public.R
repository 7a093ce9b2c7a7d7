# Counts and events of three studies from their flat tables: Poisson and negative binomial regression, modified Poisson,
# logistic and linear regression with CR2 and g-computation; changes of counts as shares; random sites; sites alike.
# Usage, in this folder: Rscript counts_public.R REFERENCE_FOLDER > counts_public.json
source("against_r.R")
suppressPackageStartupMessages({library(MASS); library(lme4); library(geepack)})
folder <- commandArgs(TRUE)[1]

gee <- function(formula, family, d) {  # geepack wants sites together
  d <- d[order(d$site), ]
  d$own <- as.integer(factor(d$site, unique(d$site)))
  environment(formula) <- environment()
  geeglm(formula, family = family, data = d, id = own, corstr = "exchangeable",
         control = geese.control(epsilon = 1e-12, maxit = 500))
}
counted <- function(outcome, formula, d, spread = TRUE) {
  year <- transform(d, years = 1)
  scale <- "log rate ratio"; scales <- "rate difference"
  environment(formula) <- environment()
  add(outcome, "Poisson GEE", scale, coef(gee(formula, poisson, d))[2])
  by_site(outcome, "Poisson, CR2", glm(formula, family = poisson, data = d, control = exactly), year, "site", "log",
          scale, scales)
  if (!spread) return(invisible())
  size <- suppressWarnings(glm.nb(formula, data = d, control = glm.control(epsilon = 1e-14, maxit = 200)))$theta
  fit <- glm(formula, family = negative.binomial(size), data = d, control = exactly)
  by_site(outcome, "Negative binomial, CR2", fit, year, "site", "log", scale, scales)
  add(outcome, "Negative binomial, CR2", "size", size, term = "size")
}
had <- function(outcome, formula, d, people = rep(1, nrow(d))) {
  environment(formula) <- environment()
  both <- c("risk difference", "risk ratio")
  by_site(outcome, "Logistic, CR2", glm(formula, family = binomial, data = d, control = exactly), d, "site", "logit",
          "log odds ratio", both, people)
  by_site(outcome, "Modified Poisson", glm(formula, family = poisson, data = d, control = exactly), d, "site", "log",
          "log risk ratio", both[1])
  by_site(outcome, "Linear probability", lm(formula, data = d), d, "site", "identity", "risk difference", both)
  add(outcome, "Logistic GEE", "log odds ratio", coef(gee(formula, binomial, d))[2])
  mixed <- suppressMessages(glmer(update(formula, . ~ . + (1 | site)), family = binomial, data = d, nAGQ = 25, control = glmerControl(
    optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5))))
  add(outcome, "Logistic with random site", "log odds ratio", fixef(mixed)[2], df = length(unique(d$site)) - 2)
  sigma <- sqrt(as.numeric(VarCorr(mixed)$site))
  if (sigma < 0.01) return(invisible())
  over_sites <- function(arm) {
    d$arm <- arm
    eta <- model.matrix(delete.response(terms(formula)), d) %*% fixef(mixed)
    mean(sapply(eta, function(each) integrate(function(z) plogis(each + sigma * z) * dnorm(z), -10, 10, rel.tol = 1e-11)$value))
  }
  add(outcome, "Logistic with random site", "risk difference", over_sites(1) - over_sites(0))
}

# The likelihood of a negative binomial with random sites by brute force: 401 points over eight standard deviations.
study <- "salamanders"
d <- read.csv("../salamanders/salamanders.csv")
d <- transform(d, arm = as.numeric(mined == "no"), years = 1 / 365.25, spp = factor(spp), y = count, any = as.numeric(count > 0))
f <- y ~ arm + spp + DOY + Wtemp + offset(log(years))
counted("number", f, d)
had("any", any ~ arm + spp + DOY + Wtemp, d)
X <- model.matrix(f, d); z <- seq(-8, 8, length.out = 401)
minus <- function(at) {
  eta <- drop(X %*% at[seq_len(ncol(X))]) + log(d$years); size <- exp(at[ncol(X) + 1]); sigma <- exp(at[ncol(X) + 2])
  -sum(sapply(split(seq_along(eta), d$site), function(own) {
    at_z <- sapply(z, function(each) sum(dnbinom(d$y[own], size = size, mu = exp(eta[own] + sigma * each), log = TRUE)))
    at_z <- at_z + dnorm(z, log = TRUE); top <- max(at_z)
    top + log(sum(exp(at_z - top)) * (z[2] - z[1]))
  }))
}
start <- c(coef(glm(f, family = poisson, data = d)), 0, log(0.5))
best <- optim(start, minus, method = "BFGS", control = list(maxit = 500, reltol = 1e-15))
best <- nlm(minus, best$par, gradtol = 1e-8, steptol = 1e-10, iterlim = 100)
add("number", "Negative binomial with random site", "log rate ratio", best$estimate[2], df = length(unique(d$site)) - 2)
add("number", "Negative binomial with random site", "variance", exp(2 * best$estimate[ncol(X) + 2]), term = "variance: site")

study <- "cgd"
d <- read.csv("../cgd/cgd.csv")
d <- transform(d, arm = as.numeric(treat == 1), years = futime / 365.25, site = centre, inherit = factor(inherit), sex = factor(sex, 2:1),
               y = infections, any = as.numeric(infections > 0))
counted("rate", y ~ arm + age + weight + inherit + offset(log(years)), d)
had("any", any ~ arm + age + inherit + sex, d)

study <- "cba"
d <- read.csv(file.path(folder, "comparison", "data", "cba_person.csv"))
d <- transform(d, site = practice, sex = factor(female, 1:0), imd = factor(imd), years = round(fu_years * 365) / 365.25, before = 365 / 365.25)
d$log_before <- log((d$gp_pre + 0.5) / d$before)
counted("gp-nights", n_adm ~ arm + age + ltc + offset(log(years)), transform(d, y = n_adm), spread = FALSE)
lonely <- d[!is.na(d$lonely_12) & !is.na(d$lonely_0), ]
had("lonely-12m", lonely_12 ~ arm + lonely_0 + age + sex + imd + ltc, lonely, as.numeric(lonely$arm == 1))
# changes: of each person's events, the share that came after entry
d$shift <- log(d$years / d$before)
seen <- d[d$gp_pre + d$gp_post > 0, ]
fit <- glm(cbind(gp_post, gp_pre) ~ arm + age + ltc + offset(shift), family = binomial, data = seen, control = exactly)
found <- coef_test(fit, vcov = vcovCR(fit, cluster = seen$site, type = "CR2"), test = "Satterthwaite")
add("gp-change", "Conditional Poisson", "log rate ratio", coef(fit)[2], found$SE[2], found$df_Satt[2])
rate <- with(d[d$arm == 1, ], sum(gp_post) / sum(years)); expected <- rate * exp(-coef(fit)[2])
add("gp-change", "Conditional Poisson", "rate difference", rate - expected, expected * found$SE[2], found$df_Satt[2])
# sites alike
people <- function(d) 1 / as.numeric(table(d$site)[as.character(d$site)])
lonely <- d[!is.na(d$lonely_3) & !is.na(d$lonely_0), ]; lonely$w <- people(lonely); d$w <- people(d)
f <- lonely_3 ~ arm + lonely_0 + age + ltc; both <- c("risk difference", "risk ratio")
by_site("lonely-3m", "Logistic, sites", suppressWarnings(glm(f, family = binomial, data = lonely, weights = w, control = exactly)),
        lonely, "site", "logit", "log odds ratio", both, as.numeric(lonely$arm == 1), lonely$w)
by_site("lonely-3m", "Modified Poisson, sites", suppressWarnings(glm(f, family = poisson, data = lonely, weights = w, control = exactly)),
        lonely, "site", "log", "log risk ratio", both[1], w = lonely$w)
by_site("lonely-3m", "Linear probability, sites", lm(f, data = lonely, weights = w), lonely, "site", "identity",
        "risk difference", both, w = lonely$w)
fit <- suppressWarnings(glm(gp_post ~ arm + log_before + age + ltc + offset(log(years)), family = poisson, data = d, weights = w, control = exactly))
by_site("gp", "Poisson, sites", fit, transform(d, years = 1), "site", "log", "log rate ratio", "rate difference", w = d$w)
finish("MASS", "lme4", "geepack")
