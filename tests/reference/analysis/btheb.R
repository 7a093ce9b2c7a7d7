# Beat the Blues: ANCOVA of BDI-II at 2, 3, 5 and 8 months, people allocated, classical errors.
# Usage: Rscript btheb.R REFERENCE_FOLDER > btheb.json
library(jsonlite)
folder <- commandArgs(TRUE)[1]
d <- read.csv(file.path(folder, "comparison", "data", "btheb.csv"))
d$treatment <- factor(d$treatment, c("TAU", "BtheB"))
d$length <- factor(d$length, c("<6m", ">6m"))
rows <- list()
for (month in c("2m", "3m", "5m", "8m")) {
  fit <- lm(as.formula(paste0("bdi.", month, " ~ treatment + bdi.pre + drug + length")), data = d)
  s <- summary(fit)$coefficients
  ci <- confint(fit)
  names <- c("(Intercept)", "arm", "baseline", "drug=Yes", "length=>6m")
  for (i in seq_along(names)) rows[[length(rows) + 1]] <- list(
    timepoint = month, term = names[i], estimate = s[i, 1], std_error = s[i, 2], df = fit$df.residual,
    conf_low = ci[i, 1], conf_high = ci[i, 2], p_value = s[i, 4], n = nobs(fit))
}
cat(toJSON(list(r_version = R.version.string, results = rows), auto_unbox = TRUE, digits = 15, pretty = TRUE), "\n")
