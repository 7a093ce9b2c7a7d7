# Means of the EQ-5D value by arm and month in the reference study, with CR2 intervals by practice.
# Usage: Rscript arm_mean.R REFERENCE_FOLDER > arm_mean.json
suppressPackageStartupMessages({library(jsonlite); library(clubSandwich)})
folder <- commandArgs(TRUE)[1]
d <- read.csv(file.path(folder, "comparison", "data", "cba_person.csv"))
rows <- list()
for (month in c(0, 3, 6, 12)) for (arm in c(1, 0)) {
  own <- d[d$arm == arm & !is.na(d[[paste0("eq5d_", month)]]), ]
  fit <- lm(as.formula(paste0("eq5d_", month, " ~ 1")), data = own)
  ci <- conf_int(fit, vcov = "CR2", cluster = own$practice, test = "Satterthwaite")
  rows[[length(rows) + 1]] <- list(month = month, arm = arm, n = nobs(fit), mean = unname(coef(fit)),
                                   conf_low = ci$CI_L, conf_high = ci$CI_U)
}
cat(toJSON(list(r_version = R.version.string, clubSandwich = as.character(packageVersion("clubSandwich")),
                results = rows), auto_unbox = TRUE, digits = 15, pretty = TRUE), "\n")
