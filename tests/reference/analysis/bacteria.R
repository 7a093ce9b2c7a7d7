# H. influenzae in 50 children at up to five visits (many missing): binary and repeated, one row a visit, people as sites.
# In this folder: Rscript bacteria.R > bacteria.json
source("common.R")
d <- table_data("bacteria"); d$arm <- d$active
f <- present ~ arm + week + comp; terms <- c("(Intercept)", "arm", "week", "comp")
for (name in names(KINDS)) by_glm("present", name, f, d, d$ID, terms)
by_gee("present", f, d, d$ID, terms)
by_quadrature("present", update(f, . ~ . + (1 | ID)), d, terms, length(unique(d$ID)))
finish()
