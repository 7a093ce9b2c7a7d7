"""The directory in the standard's own words: HSDS 3.0 with the Open Referral UK profile. Only what the entries say."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from instruments.codes import RESOURCE_CAPACITIES, RESOURCE_CATEGORIES

from ..models import Resource

VERSION = "HSDS-UK-3.0"
PROFILE = "https://github.com/OpenReferralUK/uk-profile"
OPENAPI = "https://docs.openreferraluk.org/en/latest/openapi30.json"
NAMESPACE = uuid.UUID("6f1d1c0e-6a0b-5c43-9d2e-9a2f6a3b7c51")
"""What has no id of its own in the directory has one made of this and its name: always the same one."""
TAXONOMY = "Link worker kit: categories of resources"
STATUSES = {"open": "active", "full": "active", "closed": "inactive"}
Json = dict[str, Any]


def metadata() -> Json:
    return {"version": VERSION, "profile": PROFILE, "openapi_url": OPENAPI}


def page(contents: Sequence[Json], total: int, number: int, size: int) -> Json:
    """One page of a list, with the standard's counts."""
    pages = -(-total // size)
    return {
        "total_items": total,
        "total_pages": pages,
        "page_number": number,
        "size": len(contents),
        "first_page": number == 1,
        "last_page": number >= pages,
        "empty": not contents,
        "contents": list(contents),
    }


# --------------------------------------------------------------------------------------- services


def service_id(resource: Resource) -> str:
    """The id under which the entry came here, where it is one that the standard takes; else its own."""
    try:
        return str(uuid.UUID(resource.open_referral_id or ""))
    except ValueError:
        return str(resource.id)


def service(resource: Resource, base: str) -> Json:
    """An entry with all that belongs to it."""
    id = service_id(resource)
    return service_in_list(resource, base) | _given(
        phones=[{"id": _id(id, "phone"), "number": resource.phone}] if resource.phone else None,
        schedules=[{"id": _id(id, "schedule"), "description": resource.opening_times}]
        if resource.opening_times
        else None,
        service_areas=[{"id": _id(id, "area"), "name": resource.area}] if resource.area else None,
        cost_options=[_cost_option(resource, base)] if resource.cost else None,
        service_at_locations=[at_location(resource)] if has_location(resource) else None,
        attributes=[_attribute(resource)],
    )


def service_in_list(resource: Resource, base: str) -> Json:
    """An entry as it stands in a list: what it has one of."""
    changed = resource.changed_at or resource.recorded_at
    return _given(
        id=service_id(resource),
        name=resource.name,
        status=STATUSES[resource.capacity],
        url=_url(resource, base),
        description=resource.description,
        email=resource.email,
        fees_description=resource.cost,
        eligibility_description=resource.eligibility,
        assured_date=resource.checked_on.isoformat() if resource.checked_on else None,
        alert=RESOURCE_CAPACITIES["full"] if resource.capacity == "full" else None,
        last_modified=changed.astimezone(UTC).isoformat(timespec="milliseconds"),
        organization_id=organization_id(resource.study_id, resource.provider) if resource.provider else None,
        organization=organization(resource.study_id, resource.provider) if resource.provider else None,
    )


def _url(resource: Resource, base: str) -> str:
    """The profile asks for an address of every service; one without a website has its own in this feed."""
    return resource.website or f"{base}/services/{service_id(resource)}"


def _cost_option(resource: Resource, base: str) -> Json:
    """The profile's schema asks for a `url` here too, although its own examples have none."""
    return {
        "id": _id(service_id(resource), "cost"),
        "amount_description": resource.cost,
        "url": _url(resource, base),
    }


def _attribute(resource: Resource) -> Json:
    id = service_id(resource)
    return {
        "id": _id(id, "attribute"),
        "link_id": id,
        "link_entity": "service",
        "link_type": "service_category",
        "taxonomy_term_id": term_id(resource.category),
        "taxonomy_term": term(resource.category),
    }


# -------------------------------------------------------------------------------------- locations


def has_location(resource: Resource) -> bool:
    return bool(resource.address or resource.town or resource.postcode)


def at_location_id(resource: Resource) -> str:
    return _id(service_id(resource), "service_at_location")


def at_location(resource: Resource) -> Json:
    """Where an entry can be found."""
    id = service_id(resource)
    address = {
        "id": _id(id, "address"),
        "address_1": resource.address or "",
        "city": resource.town or "",
        "state_province": "",
        "postal_code": resource.postcode or "",
        "country": "GB",
        "address_type": "physical",
    }
    location = {"id": _id(id, "location"), "location_type": "physical", "addresses": [address]}
    return {"id": at_location_id(resource), "service_id": id, "location_id": location["id"], "location": location}


def at_location_with_service(resource: Resource, base: str) -> Json:
    return at_location(resource) | {"service": service_in_list(resource, base)}


# ---------------------------------------------------------------------------------- organizations


def organization_id(study_id: uuid.UUID, provider: str) -> str:
    return _id(str(study_id), f"organization:{provider.casefold()}")


def organization(study_id: uuid.UUID, provider: str) -> Json:
    """Who runs an entry; the directory knows the name and nothing else, and the standard asks for a description."""
    return {"id": organization_id(study_id, provider), "name": provider, "description": provider}


def organization_with_services(provider: str, resources: Sequence[Resource], base: str) -> Json:
    services = [service_in_list(each, base) for each in resources]
    for each in services:
        del each["organization"]
    return organization(resources[0].study_id, provider) | {"services": services}


# ------------------------------------------------------------------------------------- categories


def taxonomy_id() -> str:
    return _id("taxonomy", TAXONOMY)


def taxonomy() -> Json:
    return {
        "id": taxonomy_id(),
        "name": TAXONOMY,
        "description": "What kind of help in the community a resource is.",
        "version": "1",
    }


def term_id(category: str) -> str:
    return _id(TAXONOMY, category)


def term(category: str) -> Json:
    """A category; under `name` as the standard has it and under `term` as the profile does."""
    label = RESOURCE_CATEGORIES[category]
    return {
        "id": term_id(category),
        "code": category,
        "name": label,
        "term": label,
        "description": label,
        "taxonomy": TAXONOMY,
        "taxonomy_id": taxonomy_id(),
    }


def _id(of: str, part: str) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{of}:{part}"))


def _given(**facts: Any) -> Json:
    """The standard leaves out what is not known."""
    return {name: value for name, value in facts.items() if value not in (None, "")}
