# Repeated measures of people, any covariance between visits: growth of 27 children, all seen at every visit, and Beat the
# Blues, of whom fewer come each time.
# In this folder: Rscript growth.R REFERENCE_FOLDER > growth.json
source("common.R"); source("repeated.R")
trial <- function(Y, arm, later, known, outcomes) {
  id <- as.vector(row(Y)); time <- as.vector(col(Y)); y <- as.vector(Y); seen <- !is.na(y); id <- id[seen]; time <- time[seen]
  after <- sapply(seq_along(later), function(k) as.integer(time == k + 1)); colnames(after) <- paste0("timepoint=", later)
  crossed <- arm[id] * after; colnames(crossed) <- paste0("arm:timepoint=", later)
  X <- cbind("(Intercept)" = 1, arm = arm[id], after, known[id, , drop = FALSE], crossed)
  kenward_roger("Repeated measures, Kenward-Roger", colnames(X), X, y[seen], id, time, outcomes)
  kenward_roger("Repeated measures, constrained to equal baselines, Kenward-Roger", colnames(X)[-2], X[, -2], y[seen], id, time,
                outcomes)
  for (o in names(outcomes)) { k <- match(outcomes[[o]], later) + 1
    fit <- lm(Y[, k] ~ cbind(arm, Y[, 1], known)); s <- coef(summary(fit))
    add(o, "ANCOVA, classical errors", "arm", "difference", s[2, 1], s[2, 2], fit$df.residual)
    fit <- lm(Y[, k] - Y[, 1] ~ arm); s <- coef(summary(fit))
    add(o, "Difference-in-differences with person and period effects, classical errors", "arm:after", "difference", s[2, 1],
        s[2, 2], fit$df.residual)
  }
}
d <- table_data("growth")
trial(as.matrix(d[, paste0("age_", c(8, 10, 12, 14))]), as.integer(d$sex == "Male"), paste0(c(10, 12, 14), "y"),
      matrix(0, nrow(d), 0), list("at-10" = "10y", "at-14" = "14y"))
d <- read.csv(file.path(commandArgs(TRUE)[1], "comparison", "data", "btheb.csv"))
trial(as.matrix(d[, paste0("bdi.", c("pre", "2m", "3m", "5m", "8m"))]), as.integer(d$treatment == "BtheB"),
      c("2m", "3m", "5m", "8m"), cbind("drug=Yes" = as.integer(d$drug == "Yes"), "length=>6m" = as.integer(d$length == ">6m")),
      list("bdi-5m" = "5m", "bdi-8m" = "8m"))
finish()
