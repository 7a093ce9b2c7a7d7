# Copper in the feed of pigs, allocated within litters: sites with both arms, a visit that some lack, a category of three
# levels, and at six weeks a variance between litters that comes out at zero.
# In this folder: Rscript pigs.R > pigs.json
source("common.R")
d <- table_data("pigs"); d$arm <- as.integer(d$Cu == "Cu175"); evit <- paste0("evit=Evit", c(100, 200))
visit <- function(k) transform(d, time = k, s = d[[c("week_1", "week_6", "week_12")[k]]])
l <- do.call(rbind, lapply(1:3, visit)); l$pig <- factor(l$Pig); l <- l[!is.na(l$s), ]; l <- l[order(l$pig, l$time), ]
l$t2 <- as.integer(l$time == 2); l$t3 <- as.integer(l$time == 3)
free <- s ~ arm + t2 + t3 + Evit + I(arm * t2) + I(arm * t3); alike <- update(free, . ~ . - arm)
later <- paste0("timepoint=w", c(6, 12)); terms <- c("(Intercept)", "arm", later, evit, paste0("arm:", later))
mixed <- lmer(update(free, . ~ . + (1 | Litter) + (1 | Litter:time) + (1 | pig)), l, control = exact)
repeated <- lapply(list(free, alike), function(f) gls(f, l, correlation = corSymm(form = ~ time | pig),
  weights = varIdent(form = ~ 1 | time), control = glsControl(tolerance = 1e-12, msTol = 1e-14)))
for (week in c(6, 12)) {
  outcome <- paste0("weight-", week); d$y <- d[[paste0("week_", week)]]; k <- d[!is.na(d$y), ]
  f <- y ~ arm + week_1 + Evit; known <- c("(Intercept)", "arm", "baseline", evit)
  by_club(outcome, "ANCOVA, CR2 by site", lm(f, k), known, k$Litter)
  by_kr(outcome, "ANCOVA with random site, Kenward-Roger", lmer(update(f, . ~ . + (1 | Litter)), k, control = exact), known,
        list(Litter = "site", Residual = "residual"))
  by_club(outcome, "Difference-in-differences with person and period effects, CR2 by site", lm(I(y - week_1) ~ arm, k),
          c(paste0("timepoint=w", week), "arm:after"), k$Litter)
  by_kr(outcome, "Mixed model with random site, site x period and person, Kenward-Roger", mixed, terms,
        list(Litter = "site", "Litter:time" = "site x period", pig = "person", Residual = "residual"))
  by_club(outcome, "Repeated measures, CR2 by site", repeated[[1]], terms, l$Litter)
  by_club(outcome, "Repeated measures, constrained to equal baselines, CR2 by site", repeated[[2]], terms[-2], l$Litter)
}
finish()
