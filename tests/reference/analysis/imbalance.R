# Standardised differences at baseline of the reference study: numbers (Austin 2009) and categories (Yang and Dalton 2012).
# Usage: Rscript imbalance.R REFERENCE_FOLDER > imbalance.json
library(jsonlite)
folder <- commandArgs(TRUE)[1]
d <- read.csv(file.path(folder, "comparison", "data", "cba_person.csv"))
number <- function(x) {
  a <- x[d$arm == 1]; b <- x[d$arm == 0]
  (mean(a) - mean(b)) / sqrt((var(a) + var(b)) / 2)
}
category <- function(x) {
  shares <- prop.table(table(d$arm, x), 1)[, -1, drop = FALSE]
  S <- Reduce(`+`, lapply(c("0", "1"), function(a) diag(shares[a, ], ncol(shares)) - tcrossprod(shares[a, ]))) / 2
  gap <- shares["1", ] - shares["0", ]
  sqrt(drop(t(gap) %*% solve(S) %*% gap))
}
found <- list(age = number(d$age), ltc = number(d$ltc), eq5d_0 = number(d$eq5d_0), gp_pre = number(d$gp_pre),
              imd = category(d$imd), female = category(d$female))
cat(toJSON(list(r_version = R.version.string, results = found), auto_unbox = TRUE, digits = 15, pretty = TRUE), "\n")
