"""The code lists of the field, code to label: the same words on a form, in a column and in a report."""

from __future__ import annotations

ROLES = {"intervention": "Offered a link worker", "comparison": "Not offered a link worker"}
DESIGNS = {
    "controlled-before-after": "Controlled before-after study",
    "cluster-randomised": "Cluster randomised trial",
    "individually-randomised": "Individually randomised trial",
    "stepped-wedge": "Stepped-wedge trial",
    "service-only": "Service without a comparison group",
}
ALLOCATION_METHODS = {
    "geography": "By place or practice list",
    "volunteered": "Sites volunteered",
    "commissioned": "Commissioner's choice",
    "randomised": "Randomised",
    "other": "Other",
}
SEXES = {"female": "Female", "male": "Male", "other": "Other", "unknown": "Not known"}
ETHNICITIES = {
    "asian": "Asian or Asian British",
    "black": "Black, Black British, Caribbean or African",
    "mixed": "Mixed or multiple ethnic groups",
    "white": "White",
    "other": "Other ethnic group",
    "not-stated": "Not stated",
}
DEPRIVATION_INDEXES = {
    "imd2019-decile": "English indices of deprivation 2019, decile",
    "imd2019-quintile": "English indices of deprivation 2019, quintile",
    "imd2025-decile": "English indices of deprivation 2025, decile",
    "imd2025-quintile": "English indices of deprivation 2025, quintile",
    "other": "Another index (name it in the plan)",
}
LEAVING_REASONS = {
    "died": "Died",
    "moved": "Moved away",
    "withdrew": "Withdrew from the study",
    "lost": "Could not be reached",
    "other": "Other",
}
CONSENT_KINDS = {
    "service": "To be seen by the service",
    "research": "For the data to be used in the study",
    "linkage": "For health records to be linked",
    "contact": "To be contacted about the study",
}
ON_WITHDRAWAL = {"keep": "Keep what was recorded until then", "erase": "Erase what was recorded"}
REFERRAL_SOURCES = {
    "gp": "GP",
    "nurse": "Practice nurse",
    "other-practice-staff": "Other practice staff",
    "hospital": "Hospital",
    "social-care": "Social care",
    "community": "Community or voluntary organisation",
    "self": "Self-referral",
    "family": "Family or friend",
    "other": "Other",
}
NEEDS = {
    "loneliness": "Loneliness or social isolation",
    "mental-wellbeing": "Mental health and wellbeing",
    "long-term-condition": "Living with a long-term condition",
    "healthy-living": "Physical activity and healthy living",
    "money": "Money, debt and benefits",
    "housing": "Housing",
    "employment": "Employment, training and learning",
    "caring": "Caring responsibilities",
    "bereavement": "Bereavement",
    "relationships": "Relationships and family",
    "domestic-abuse": "Domestic abuse",
    "drugs-and-alcohol": "Drug or alcohol use",
    "food": "Food",
    "digital": "Digital skills and access",
    "transport": "Transport",
    "legal": "Legal matters and immigration",
    "volunteering": "Volunteering",
    "other": "Another need",
}
"""What a referral is about; how the list was made stands in docs/DECISIONS.md."""

CONDITIONS = {
    "coronary-heart-disease": "Coronary heart disease",
    "heart-failure": "Heart failure",
    "arrhythmia": "Irregular heartbeat (arrhythmia)",
    "hypertension": "High blood pressure",
    "stroke": "Stroke or mini-stroke (TIA)",
    "peripheral-artery-disease": "Peripheral artery disease",
    "diabetes": "Diabetes",
    "thyroid-disorder": "Thyroid disorder",
    "asthma": "Asthma",
    "copd": "COPD (chronic bronchitis, emphysema)",
    "parkinsons": "Parkinson's disease",
    "epilepsy": "Epilepsy",
    "multiple-sclerosis": "Multiple sclerosis",
    "paralysis": "Paralysis",
    "chronic-pain": "Chronic pain",
    "cancer": "Cancer",
    "dementia": "Dementia",
    "schizophrenia": "Schizophrenia or psychosis",
    "bipolar": "Bipolar disorder",
    "depression": "Depression",
    "anxiety": "Anxiety",
    "ptsd": "Post-traumatic stress disorder",
    "drug-or-alcohol-misuse": "Drug or alcohol misuse",
    "eating-disorder": "Eating disorder",
    "autism": "Autism",
    "connective-tissue-disease": "Rheumatoid arthritis or other connective tissue disease",
    "osteoarthritis": "Osteoarthritis",
    "osteoporosis": "Osteoporosis",
    "gout": "Gout",
    "liver-disease": "Chronic liver disease",
    "inflammatory-bowel-disease": "Inflammatory bowel disease",
    "kidney-disease": "Chronic kidney disease",
    "endometriosis": "Endometriosis",
    "anaemia": "Anaemia",
    "vision-impairment": "Vision impairment that cannot be corrected",
    "hearing-impairment": "Hearing impairment that cannot be corrected",
    "hiv": "HIV",
    "long-covid": "Long COVID",
    "other": "Another long-term condition",
}
"""Conditions that a consensus of professionals and the public counts as multimorbidity, the rarest left to `other`:
Ho et al., Measuring multimorbidity in research, BMJ Medicine 2022;1:e000247, doi 10.1136/bmjmed-2022-000247."""

REFERRAL_STATUSES = {
    "offered": "Offered, not answered",
    "accepted": "Accepted",
    "declined": "Declined",
    "unreachable": "Could not be reached",
}
ANSWER_REASONS = {
    "not-wanted": "Does not want this support",
    "has-support": "Has support already",
    "not-now": "Not now, perhaps later",
    "too-unwell": "Too unwell",
    "not-suitable": "The service does not suit their need",
    "no-answer": "No answer",
    "wrong-details": "The phone number or address is wrong",
    "moved": "Moved away",
    "died": "Died",
    "other": "Other",
}
"""Why a referral was declined or the person was not reached."""

CLOSURE_REASONS = {
    "completed": "Support completed",
    "disengaged": "Person stopped attending",
    "moved": "Moved away",
    "died": "Died",
    "referred-on": "Referred on to another service",
    "other": "Other",
}
CONTACT_MODES = {
    "face-to-face": "Face to face",
    "home": "Home visit",
    "phone": "Phone",
    "video": "Video",
    "text": "Text message",
    "email": "E-mail",
    "group": "Group",
}
ATTENDANCES = {
    "attended": "Attended",
    "attempted": "Attempted, no answer",
    "did-not-attend": "Did not attend",
    "cancelled": "Cancelled",
}
RESOURCE_CATEGORIES = {
    "counselling": "Counselling",
    "social-group": "Social group",
    "arts-and-craft": "Arts and craft",
    "exercise": "Exercise",
    "addiction-support": "Addiction support",
    "welfare-and-debt": "Welfare and debt advice",
    "employment": "Employment",
    "housing": "Housing",
    "volunteering": "Volunteering",
    "learning": "Learning",
    "nature": "Nature",
    "digital": "Digital",
    "carers": "Carers",
    "other": "Other",
}
RESOURCE_CAPACITIES = {
    "open": "Takes new people",
    "full": "Full at present",
    "closed": "Closed",
}
SIGNPOST_KINDS = {
    "information": "Information given",
    "referral": "Referral made",
    "accompanied": "Accompanied to the first visit",
}
GOAL_STATUSES = {"open": "Working on it", "reached": "Reached", "let-go": "No longer wanted"}
SIGNPOST_OUTCOMES = {
    "attended": "Attended",
    "did-not-attend": "Did not attend",
    "declined": "Declined",
    "waiting": "On a waiting list",
    "full": "Resource was full",
    "unknown": "Not known yet",
}
ADMINISTRATION_MODES = {
    "in-person": "In person",
    "telephone": "Telephone",
    "video": "Video",
    "paper": "On paper",
    "online": "Online",
    "import": "Imported from another system",
}
RESPONDENTS = {
    "self": "The person",
    "interviewer": "An interviewer, with the person",
    "proxy": "Someone on their behalf",
}
ASSESSMENT_STATUSES = {
    "complete": "Complete",
    "partial": "Partly answered",
    "declined": "Declined",
    "missed": "Missed",
}
MISSING_REASONS = {
    "not-answered": "Not answered",
    "prefer-not-to-say": "Preferred not to say",
    "not-reached": "Could not be reached",
    "too-unwell": "Too unwell",
    "died": "Died",
    "not-asked": "Not asked",
    "other": "Other",
}
SCORE_ORIGINS = {
    "scored": "Scored here from the answers",
    "reported": "Reported by the source, answers not available",
}
SETTINGS = {
    "gp": "GP attendances, all",
    "gp-surgery": "GP, at the surgery",
    "gp-phone": "GP, by phone or video",
    "gp-home": "GP, at home",
    "nurse": "Practice nurse",
    "emergency": "Emergency department",
    "out-patient": "Out-patient",
    "in-patient": "In-patient admissions",
    "in-patient-nights": "In-patient nights",
    "link-worker": "Link worker contacts, count only",
    "other": "Other events, named by the plan",
}
USE_SOURCES = {"record-extract": "Extract from the health record", "self-report": "Reported by the person"}
