"""Open Referral UK (HSDS 3): somebody else's directory in, from a file; the study's own directory out, as a feed."""
