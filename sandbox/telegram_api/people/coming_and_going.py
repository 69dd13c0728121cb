"""People join, ask to join, leave, change their names, and block the bot."""

from sandbox.errors import SandboxError
from sandbox.telegram_api.errors import ApiError
from sandbox.telegram_api.methods.chats.members import remove
from sandbox.telegram_api.world import JSON, Group, Member, User
from sandbox.telegram_api.world.files import store
from sandbox.telegram_api.world.payloads import chat_payload, user_payload

from .actor import Actor

__all__ = ["ComingAndGoing"]

NAME_LENGTH_MAX = 64


class ComingAndGoing(Actor):
    """People join, ask to join, leave, change their names, and block the bot."""

    def set_photo(self, user_id: int, content: bytes) -> None:
        """A person chooses a profile photo. The sandbox sends it in the size of the upload."""
        user = self._person(user_id)
        try:
            stored = store(self._world.state, "photo", content, name="photo.jpg")
        except ApiError as error:
            raise SandboxError(f"this is no picture: {error}") from error
        user.photo = stored.file_id

    def join(
        self,
        user_id: int | None = None,
        name: str | None = None,
        *,
        chat_id: int | None = None,
        invite_link: str | None = None,
        added_by: int | None = None,
    ) -> int:
        """A person joins the group; without `user_id`, a new person called `name`.

        `invite_link` is the link by which they come. Where the group or the link wants an
        administrator's consent, the person asks to join instead. `added_by` is the member who adds
        them, which needs no link.
        """
        group = self._place(chat_id)
        user_id = self._newcomer(name or "Newcomer") if user_id is None else user_id
        user = self._person(user_id)
        if self._world.present(group, user_id):
            raise SandboxError(f"{user.first_name} is in the group already")
        if self._world.member(group, user_id).status == "kicked":
            raise SandboxError(f"{user.first_name} is banned from the group")
        link = None if invite_link is None else self._usable(group, invite_link)
        if group.join_by_request or (link or {}).get("creates_join_request"):
            self._ask_to_join(group, user, link)
            return user_id

        def enter(member: Member) -> None:
            member.in_chat = True
            if member.status == "left":
                member.status = "member"

        via = {}
        if link is not None:
            via = {"invite_link": link}
            address = link["invite_link"]
            group.joins[address] = group.joins.get(address, 0) + 1
        self._world.change(group, user_id, added_by or user_id, enter, **via)
        if group.kind == "supergroup":
            self._world.notice(group, user, new_chat_members=[user_payload(user)])
        return user_id

    def make_invite_link(self, user_id: int, *, chat_id: int | None = None) -> str:
        """An administrator makes an invite link of their own, and shares it."""
        group, user = self._place(chat_id), self._person(user_id)
        if self._world.member(group, user_id).status not in ("administrator", "creator"):
            raise SandboxError(f"{user.first_name} is no administrator of the group")
        address = f"https://t.me/+sandbox{self._world.made():06}"
        group.invite_links[address] = {
            "invite_link": address,
            "creator": user_payload(user),
            "creates_join_request": False,
            "is_primary": False,
            "is_revoked": False,
        }
        return address

    def _usable(self, group: Group, invite_link: str) -> JSON:
        link = group.invite_links.get(invite_link)
        expired = link is not None and 0 < link.get("expire_date", 0) < self._world.now()
        if link is None or link["is_revoked"] or expired:
            raise SandboxError(f"the invite link {invite_link} cannot be used")
        joins = group.joins.get(invite_link, 0)
        if joins >= link.get("member_limit", joins + 1):
            raise SandboxError(f"the invite link {invite_link} has let in {joins} members")
        return link

    def _ask_to_join(self, group: Group, user: User, link: JSON | None) -> None:
        if user.id in group.join_requests:
            raise SandboxError(f"{user.first_name} has asked to join already")
        group.join_requests.append(user.id)
        request = {
            "chat": chat_payload(group),
            "from": user_payload(user),
            "user_chat_id": user.id,
            "date": int(self._world.now()),
        }
        if link:
            request["invite_link"] = link
        self._world.emit_to_administrators(group, "chat_join_request", request, "can_invite_users")

    def leave(self, user_id: int, *, chat_id: int | None = None) -> None:
        """A person leaves the group."""
        group, user = self._place(chat_id), self._person(user_id)
        if not self._world.present(group, user_id):
            raise SandboxError(f"{user.first_name} is not in the group")
        if group.members[user_id].status == "creator":
            raise SandboxError("the owner cannot leave the group")

        def go(member: Member) -> None:
            restricted = member.status == "restricted"
            permissions, until = member.permissions, member.until
            remove(member)
            if restricted:  # a restriction outlives the membership
                member.status, member.permissions, member.until = "restricted", permissions, until

        self._world.change(group, user_id, user_id, go)
        if group.kind == "supergroup":
            self._world.left_notice(group, user_id, by=user_id)

    def rename(
        self,
        user_id: int,
        first_name: str,
        last_name: str | None = None,
        username: str | None = None,
    ) -> None:
        """A person changes their name. No update tells bots; later ones show it."""
        user = self._person(user_id)
        user.first_name = _name(first_name)
        user.last_name = _name(last_name) if last_name else None
        if username is not None:
            user.username = username or None

    def block(self, user_id: int, *, blocked: bool = True, bot_id: int | None = None) -> None:
        """A person blocks the bot in private, or unblocks it."""
        self._set_blocked(self._of(bot_id), self._person(user_id), blocked=blocked)

    def _newcomer(self, name: str) -> int:
        state = self._world.state
        state.newcomer_id += 1
        user_id = state.newcomer_id
        state.users[user_id] = User(user_id, _name(name), f"newcomer_{user_id}", "en")
        return user_id


def _name(name: str) -> str:
    """Return a name as Telegram stores it: trimmed, and never empty."""
    name = name.strip()
    if not name:
        raise SandboxError("a name has at least one character")
    return name[:NAME_LENGTH_MAX]
