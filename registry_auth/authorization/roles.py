"""What the memberships of a user come to at one path, and who may see what is there."""

from registry_auth.values import Caller, Person, Role, Visibility


def role_at(person: Person, path: str) -> Role | None:
    """Give the highest role that counts at a group or project, inherited ones included; None without any.

    Administrators are owners everywhere. GitLab docs, members: a role is inherited downwards, and the highest counts.
    """
    if person.is_administrator:
        return Role.OWNER
    return max((membership.role for membership in person.memberships if membership.covers(path)), default=None)


def can_see(caller: Caller, path: str, visibility: Visibility) -> bool:
    """Say whether somebody may know of a group or project: what is public, internal for users, and what they belong to.

    Who belongs to something below a private group sees that group too (GitLab docs: project and group visibility).
    """
    if visibility is Visibility.PUBLIC:
        return True
    person = caller.person
    if person is None:
        return False
    if visibility is Visibility.INTERNAL or role_at(person, path) is not None:
        return True
    return any(membership.path.startswith(f"{path}/") for membership in person.memberships)
