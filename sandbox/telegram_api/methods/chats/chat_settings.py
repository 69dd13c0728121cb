"""Methods on a chat as a whole: what it is called, who leads it, and how one comes in."""

from sandbox.telegram_api.errors import bad_request
from sandbox.telegram_api.methods.messages.media import stored_file
from sandbox.telegram_api.parameters import ChatId, Methods, Parameters
from sandbox.telegram_api.world import JSON, Group, Member, User, World
from sandbox.telegram_api.world.files import described
from sandbox.telegram_api.world.payloads import (
    full_group,
    full_person,
    member_payload,
    user_payload,
)

from .members import remove

__all__ = ["METHODS"]

TITLE_LENGTH_MAX = 128
DESCRIPTION_LENGTH_MAX = 255
LINK_NAME_LENGTH_MAX = 32
LINK_MEMBERS = range(1, 100_000)
NO_CHANGES = "not enough rights to change chat {}"
NO_INVITING = "not enough rights to manage chat invite link"


class InChat(Parameters, kw_only=True):
    """Parameters of every method on a chat."""

    chat_id: ChatId


class GetChat(InChat):
    pass


def get_chat(world: World, call: GetChat) -> JSON:
    """ChatFullInfo."""
    chat = world.chat(call.chat_id)
    pins = world.pins(chat)
    pinned = world.message(chat.id, pins[-1]) if pins else None
    if isinstance(chat, User):
        return full_person(chat, pinned)
    found = full_group(chat, pinned)
    if "can_invite_users" in world.member(chat, world.bot_id).rights:
        primary = _primary_link(world, chat)
        found["invite_link"] = primary["invite_link"]
    return found


class GetChatMember(InChat, kw_only=True):
    user_id: int


def get_chat_member(world: World, call: GetChatMember) -> JSON:
    """ChatMember; "left" for people who never joined."""
    chat = world.chat(call.chat_id)
    if isinstance(chat, User):
        if call.user_id not in (chat.id, world.bot_id):
            raise bad_request("PARTICIPANT_ID_INVALID")
        return {"status": "member", "user": user_payload(world.state.users[call.user_id])}
    return _shown(world, chat, world.member(chat, call.user_id))


class GetChatAdministrators(InChat, kw_only=True):
    return_bots: bool = False


def get_chat_administrators(world: World, call: GetChatAdministrators) -> list[JSON]:
    """The owner and the administrators, without other bots unless `return_bots` asks for them."""
    chat = world.chat(call.chat_id)
    if isinstance(chat, User):
        raise bad_request("there are no administrators in the private chat")
    return [
        _shown(world, chat, member)
        for member in chat.members.values()
        if member.status in ("creator", "administrator")
        and (
            call.return_bots
            or member.user_id == world.bot_id
            or not world.state.users[member.user_id].is_bot
        )
    ]


class GetChatMemberCount(InChat):
    pass


def get_chat_member_count(world: World, call: GetChatMemberCount) -> int:
    """The number of members, bots included."""
    chat = world.chat(call.chat_id)
    if isinstance(chat, User):
        return 2
    return sum(world.present(chat, user_id) for user_id in chat.members)


def _shown(world: World, group: Group, member: Member) -> JSON:
    user = world.state.users[member.user_id]
    return member_payload(group, member, user, bot_id=world.bot_id)


class LeaveChat(InChat):
    pass


def leave_chat(world: World, call: LeaveChat) -> bool:
    """The bot leaves the group."""
    group = world.group(call.chat_id)
    world.change(group, world.bot_id, world.bot_id, remove)
    world.left_notice(group, world.bot_id, by=world.bot_id)
    return True


class SetChatTitle(InChat, kw_only=True):
    title: str


def set_title(world: World, call: SetChatTitle) -> bool:
    """Rename the chat."""
    group = _changeable(world, call, "title")
    title = " ".join(call.title.split())
    if not title:
        raise bad_request("CHAT_TITLE_EMPTY")
    if len(title) > TITLE_LENGTH_MAX:
        raise bad_request("chat title is too long")
    if title == group.title:
        raise bad_request("chat title is not modified")
    group.title = title
    world.notice(group, world.bot, new_chat_title=title)
    return True


class SetChatDescription(InChat, kw_only=True):
    description: str = ""


def set_description(world: World, call: SetChatDescription) -> bool:
    """Change the description of the chat; without one, clear it."""
    group = _changeable(world, call, "description")
    description = call.description.strip()
    if len(description) > DESCRIPTION_LENGTH_MAX:
        raise bad_request("chat description is too long")
    if description == group.description:
        raise bad_request("chat description is not modified")
    group.description = description
    return True


class SetChatPhoto(InChat, kw_only=True):
    photo: str


def set_photo(world: World, call: SetChatPhoto) -> bool:
    """Give the chat a picture, which must be uploaded."""
    group = _changeable(world, call, "photo")
    if not call.photo.startswith("attach://"):
        raise bad_request("photo should be uploaded as an InputFile")
    file = stored_file(world, "photo", call.photo)
    group.photo = [file.file_id, file.unique_id]
    world.notice(group, world.bot, new_chat_photo=[described(file)])
    return True


class DeleteChatPhoto(InChat):
    pass


def delete_photo(world: World, call: DeleteChatPhoto) -> bool:
    """Take the chat's picture away."""
    group = _changeable(world, call, "photo")
    if not group.photo:
        raise bad_request("CHAT_NOT_MODIFIED")
    group.photo = []
    world.notice(group, world.bot, delete_chat_photo=True)
    return True


def _changeable(world: World, call: InChat, what: str) -> Group:
    chat = world.chat(call.chat_id)
    if isinstance(chat, User):
        raise bad_request(f"can't change private chat {what}")
    world.require(chat, "can_change_info", NO_CHANGES.format(what))
    return chat


class ExportChatInviteLink(InChat):
    pass


def export_link(world: World, call: ExportChatInviteLink) -> str:
    """Replace the chat's primary invite link, and return the new one."""
    group = _inviting(world, call)
    _primary_link(world, group)["is_revoked"] = True
    link: str = _primary_link(world, group)["invite_link"]
    return link


class CreateChatInviteLink(InChat, kw_only=True):
    name: str = ""
    expire_date: int = 0
    member_limit: int = 0
    creates_join_request: bool = False


def create_link(world: World, call: CreateChatInviteLink) -> JSON:
    """Make a further invite link. Returns ChatInviteLink."""
    group = _inviting(world, call)
    return _fill(_new_link(world, group), call)


class EditChatInviteLink(CreateChatInviteLink, kw_only=True):
    invite_link: str


def edit_link(world: World, call: EditChatInviteLink) -> JSON:
    """Change an invite link that the bot made. Returns ChatInviteLink."""
    return _fill(_own_link(world, call), call)


class RevokeChatInviteLink(InChat, kw_only=True):
    invite_link: str


def revoke_link(world: World, call: RevokeChatInviteLink) -> JSON:
    """End an invite link that the bot made. Returns ChatInviteLink."""
    link = _own_link(world, call)
    link["is_revoked"] = True
    if link["is_primary"]:
        _primary_link(world, world.group(call.chat_id))
    return link


def _inviting(world: World, call: InChat) -> Group:
    group = world.group(call.chat_id)
    world.require(group, "can_invite_users", NO_INVITING)
    return group


def _own_link(world: World, call: EditChatInviteLink | RevokeChatInviteLink) -> JSON:
    link = _inviting(world, call).invite_links.get(call.invite_link)
    if link is None or link["creator"]["id"] != world.bot_id:
        raise bad_request("INVITE_HASH_INVALID")
    return link


def _new_link(world: World, group: Group, *, primary: bool = False) -> JSON:
    address = f"https://t.me/+sandbox{world.made():06}"
    group.invite_links[address] = {
        "invite_link": address,
        "creator": user_payload(world.bot),
        "creates_join_request": False,
        "is_primary": primary,
        "is_revoked": False,
    }
    return group.invite_links[address]


def _primary_link(world: World, group: Group) -> JSON:
    """Return the primary invite link of the bot, which every administrator has."""
    for link in group.invite_links.values():
        ours = link["creator"]["id"] == world.bot_id
        if ours and link["is_primary"] and not link["is_revoked"]:
            return link
    return _new_link(world, group, primary=True)


def _fill(link: JSON, call: CreateChatInviteLink) -> JSON:
    if len(call.name) > LINK_NAME_LENGTH_MAX:
        raise bad_request("invite link name is too long")
    if call.member_limit and call.member_limit not in LINK_MEMBERS:
        raise bad_request("member limit must be 1 to 99999")
    if call.member_limit and call.creates_join_request:
        raise bad_request(
            "member limit can't be specified for links requiring administrator approval"
        )
    if link["is_revoked"]:
        raise bad_request("INVITE_HASH_EXPIRED")
    link["creates_join_request"] = call.creates_join_request
    for name in ("name", "expire_date", "member_limit"):
        link.pop(name, None)
        if value := getattr(call, name):
            link[name] = value
    return link


class ApproveChatJoinRequest(InChat, kw_only=True):
    user_id: int


def approve_request(world: World, call: ApproveChatJoinRequest) -> bool:
    """Let a person in who asked to join."""
    group = _requested(world, call)

    def enter(member: Member) -> None:
        member.status, member.in_chat = "member", True

    user = world.state.users[call.user_id]
    world.change(group, call.user_id, world.bot_id, enter, via_join_request=True)
    world.notice(group, user, new_chat_members=[user_payload(user)])
    return True


class DeclineChatJoinRequest(InChat, kw_only=True):
    user_id: int


def decline_request(world: World, call: DeclineChatJoinRequest) -> bool:
    """Turn a person down who asked to join."""
    _requested(world, call)
    return True


def _requested(world: World, call: ApproveChatJoinRequest | DeclineChatJoinRequest) -> Group:
    group = world.group(call.chat_id)
    world.require(group, "can_invite_users", "not enough rights to manage chat join requests")
    if world.present(group, call.user_id):
        raise bad_request("USER_ALREADY_PARTICIPANT")
    if call.user_id not in group.join_requests:
        raise bad_request("HIDE_REQUESTER_MISSING")
    group.join_requests.remove(call.user_id)
    return group


class BanChatSenderChat(InChat, kw_only=True):
    sender_chat_id: int


def ban_sender(world: World, call: BanChatSenderChat) -> bool:
    """Forbid the owner of a channel to write as any of their channels."""
    group = _banning(world, call)
    group.banned_chats.add(call.sender_chat_id)
    return True


class UnbanChatSenderChat(InChat, kw_only=True):
    sender_chat_id: int


def unban_sender(world: World, call: UnbanChatSenderChat) -> bool:
    """Lift the ban of a channel."""
    group = _banning(world, call)
    group.banned_chats.discard(call.sender_chat_id)
    return True


def _banning(world: World, call: BanChatSenderChat | UnbanChatSenderChat) -> Group:
    group = world.group(call.chat_id)
    world.require(group, "can_restrict_members", "not enough rights to ban/unban sender chats")
    sender = world.state.groups.get(call.sender_chat_id)
    if sender is None or sender.kind != "channel":
        raise bad_request("PARTICIPANT_ID_INVALID")
    if call.sender_chat_id == group.linked_chat_id:
        raise bad_request("can't ban the linked channel")
    return group


class GetUserProfilePhotos(Parameters, kw_only=True):
    user_id: int
    offset: int = 0
    limit: int = 100


def profile_photos(world: World, call: GetUserProfilePhotos) -> JSON:
    """UserProfilePhotos; people in the sandbox have one at most, in one size."""
    user = world.state.users.get(call.user_id)
    if user is None:
        raise bad_request("invalid user_id specified")
    file = world.state.files.get(user.photo)
    photos = [[described(file)]] if file is not None else []
    return {"total_count": len(photos), "photos": photos[call.offset :][: call.limit]}


METHODS: Methods = {
    GetChat: get_chat,
    GetChatMember: get_chat_member,
    GetChatAdministrators: get_chat_administrators,
    GetChatMemberCount: get_chat_member_count,
    LeaveChat: leave_chat,
    SetChatTitle: set_title,
    SetChatDescription: set_description,
    SetChatPhoto: set_photo,
    DeleteChatPhoto: delete_photo,
    ExportChatInviteLink: export_link,
    CreateChatInviteLink: create_link,
    EditChatInviteLink: edit_link,
    RevokeChatInviteLink: revoke_link,
    ApproveChatJoinRequest: approve_request,
    DeclineChatJoinRequest: decline_request,
    BanChatSenderChat: ban_sender,
    UnbanChatSenderChat: unban_sender,
    GetUserProfilePhotos: profile_photos,
}
