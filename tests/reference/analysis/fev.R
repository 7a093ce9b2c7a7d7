# Repeated measures without a measured baseline: lung function at four visits of 200 people, of whom many miss some, with a
# number from before treatment as a covariate. A difference between the arms at every visit.
# In this folder: Rscript fev.R REFERENCE_FOLDER > fev.json
source("common.R"); source("repeated.R")
d <- read.csv(file.path(commandArgs(TRUE)[1], "comparison", "data", "fev_data.csv"))
d <- d[!is.na(d$FEV1), ]; d$arm <- as.integer(d$ARMCD == "TRT")
visits <- paste0("vis", 1:4); time <- match(tolower(d$AVISIT), visits)
after <- sapply(1:4, function(k) as.integer(time == k)); crossed <- d$arm * after
colnames(after) <- visits; colnames(crossed) <- paste0("arm:timepoint=", visits)
X <- cbind("(Intercept)" = 1, after[, -1], model.matrix(~ FEV1_BL + RACE + SEX, d)[, -1], crossed)
at <- setNames(as.list(visits), paste0("at-", visits))
kenward_roger("Repeated measures, no baseline, Kenward-Roger", colnames(X), X, d$FEV1, d$USUBJID, time, at)
for (o in names(at)) {
  fit <- lm(FEV1 ~ arm + FEV1_BL + RACE + SEX, d[time == match(at[[o]], visits), ]); s <- coef(summary(fit))
  add(o, "ANCOVA, classical errors", "arm", "difference", s["arm", 1], s["arm", 2], fit$df.residual)
}
finish()
