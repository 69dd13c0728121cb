"""Methods on members: tags, titles, promotions, restrictions and bans."""

from sandbox.telegram_api.errors import bad_request
from sandbox.telegram_api.parameters import ChatId, ChatPermissions, Methods, Parameters
from sandbox.telegram_api.world import Group, Member, World
from sandbox.telegram_api.world.rights import (
    ADMINISTRATOR_RIGHTS,
    CHANNEL_RIGHTS,
    PERMISSIONS,
    stored_rank,
)

__all__ = ["METHODS", "demote", "remove"]

NO_RIGHTS = "not enough rights"
CANNOT_RESTRICT = "not enough rights to restrict/unrestrict chat member"
SHORTEST_BAN_SECONDS, LONGEST_BAN_SECONDS = 30, 366 * 86_400


class OnMember(Parameters, kw_only=True):
    """Parameters of every method on a member."""

    chat_id: ChatId
    user_id: int


class SetChatMemberTag(OnMember, kw_only=True):
    tag: str = ""


def set_chat_member_tag(world: World, call: SetChatMemberTag) -> bool:
    """Set the tag of a regular member; without `tag`, clear it."""
    group = world.supergroup(call.chat_id)
    world.require(group, "can_manage_tags", NO_RIGHTS)
    member = world.member(group, call.user_id)
    if member.status in ("creator", "administrator"):
        # tdlib/telegram-bot-api#838: a bot cannot tag administrators, whatever its rights are.
        raise bad_request("CHAT_CREATOR_REQUIRED")
    if not world.present(group, call.user_id):
        raise bad_request("USER_NOT_PARTICIPANT")
    tag = stored_rank(call.tag)

    def alter(member: Member) -> None:
        member.tag = tag

    world.change(group, call.user_id, world.bot_id, alter)
    return True


class SetChatAdministratorCustomTitle(OnMember, kw_only=True):
    custom_title: str = ""


def set_custom_title(world: World, call: SetChatAdministratorCustomTitle) -> bool:
    """Set the title of an administrator promoted by the bot."""
    group = world.supergroup(call.chat_id)
    member = world.member(group, call.user_id)
    if member.status == "creator":
        raise bad_request("only creator can edit their custom title")
    if member.status != "administrator":
        raise bad_request("user is not an administrator")
    world.require(group, "can_promote_members", NO_RIGHTS)
    if member.promoted_by != world.bot_id:
        raise bad_request("not enough rights to change custom title of the user")
    title = stored_rank(call.custom_title)

    def alter(member: Member) -> None:
        member.custom_title = title

    world.change(group, call.user_id, world.bot_id, alter)
    return True


class PromoteChatMember(OnMember, kw_only=True):
    is_anonymous: bool = False
    can_manage_chat: bool = False
    can_delete_messages: bool = False
    can_manage_video_chats: bool = False
    can_restrict_members: bool = False
    can_promote_members: bool = False
    can_change_info: bool = False
    can_invite_users: bool = False
    can_post_stories: bool = False
    can_edit_stories: bool = False
    can_delete_stories: bool = False
    can_post_messages: bool = False
    can_edit_messages: bool = False
    can_send_welcome_messages: bool = False
    can_pin_messages: bool = False
    can_manage_topics: bool = False
    can_manage_tags: bool = False


def promote_chat_member(world: World, call: PromoteChatMember) -> bool:
    """Promote a member with some of the bot's own rights; without any, demote them."""
    group = world.group(call.chat_id)
    world.require(group, "can_promote_members", NO_RIGHTS)
    member = world.member(group, call.user_id)
    if call.user_id == world.bot_id:
        raise bad_request("can't promote self")
    if member.status == "creator":
        raise bad_request("can't remove chat owner")
    if not world.present(group, call.user_id):
        raise bad_request("USER_NOT_PARTICIPANT")
    if member.status == "administrator" and member.promoted_by != world.bot_id:
        raise bad_request("CHAT_ADMIN_REQUIRED")
    rights = CHANNEL_RIGHTS if group.kind == "channel" else ADMINISTRATOR_RIGHTS
    granted = {right for right in rights if getattr(call, right)}
    if not granted <= world.member(group, world.bot_id).rights:
        raise bad_request("RIGHT_FORBIDDEN")

    def promote(member: Member) -> None:
        member.status, member.tag, member.until = "administrator", "", 0
        # Every right implies can_manage_chat, access to the administrators' view.
        member.rights = granted | {"can_manage_chat"}
        member.is_anonymous = call.is_anonymous
        member.promoted_by = world.bot_id

    world.change(group, call.user_id, world.bot_id, promote if granted else demote)
    return True


def demote(member: Member) -> None:
    """Turn an administrator into a plain member."""
    member.status, member.custom_title, member.promoted_by = "member", "", None
    member.rights, member.is_anonymous = set(), False


class RestrictChatMember(OnMember, kw_only=True):
    permissions: ChatPermissions
    use_independent_chat_permissions: bool = False
    until_date: int = 0


def restrict_chat_member(world: World, call: RestrictChatMember) -> bool:
    """Restrict a member to some permissions; all of them lift the restriction."""
    group = world.group(call.chat_id)
    _require_hold_over(world, group, call.user_id)
    granted = _granted(call.permissions, independent=call.use_independent_chat_permissions)

    def alter(member: Member) -> None:
        member.in_chat = member.status not in ("left", "kicked") and member.in_chat
        lifted = granted >= set(PERMISSIONS)
        member.status = "restricted" if not lifted else "member" if member.in_chat else "left"
        member.permissions = set() if lifted else granted
        member.until = 0 if lifted else _until(world, call.until_date)

    world.change(group, call.user_id, world.bot_id, alter)
    return True


class SetChatPermissions(Parameters, kw_only=True):
    chat_id: ChatId
    permissions: ChatPermissions
    use_independent_chat_permissions: bool = False


def set_chat_permissions(world: World, call: SetChatPermissions) -> bool:
    """Set the default permissions of members."""
    group = world.group(call.chat_id)
    world.require(group, "can_restrict_members", "not enough rights to change chat permissions")
    granted = _granted(call.permissions, independent=call.use_independent_chat_permissions)
    if granted == group.permissions:
        raise bad_request("CHAT_NOT_MODIFIED")
    group.permissions = granted
    return True


def _granted(permissions: ChatPermissions, *, independent: bool) -> set[str]:
    granted = {name for name in PERMISSIONS if getattr(permissions, name)}
    if permissions.can_react_to_messages is None and permissions.can_send_messages:
        granted.add("can_react_to_messages")
    if permissions.can_manage_topics is None and permissions.can_pin_messages:
        granted.add("can_manage_topics")
    if not independent and permissions.can_send_other_messages:
        granted |= {name for name in PERMISSIONS if name.startswith("can_send_")}
    return granted


class BanChatMember(OnMember, kw_only=True):
    until_date: int = 0
    revoke_messages: bool = False


def ban_chat_member(world: World, call: BanChatMember) -> bool:
    """Remove a person, and ban them from joining again."""
    group = world.group(call.chat_id)
    _require_hold_over(world, group, call.user_id)
    was_there = world.present(group, call.user_id)

    def alter(member: Member) -> None:
        remove(member)
        member.status, member.until = "kicked", _until(world, call.until_date)

    world.change(group, call.user_id, world.bot_id, alter)
    if call.revoke_messages:
        for message in list(world.kept(group.id).values()):
            if world.author(message) == call.user_id:
                world.remove(group.id, message["message_id"])
    if was_there:
        world.left_notice(group, call.user_id, by=world.bot_id)
    return True


class UnbanChatMember(OnMember, kw_only=True):
    only_if_banned: bool = False


def unban_chat_member(world: World, call: UnbanChatMember) -> bool:
    """Lift a ban. Also removes a person who is in the group, unless only_if_banned."""
    group = world.group(call.chat_id)
    member = world.member(group, call.user_id)
    if call.only_if_banned and member.status != "kicked":
        return True
    _require_hold_over(world, group, call.user_id)
    world.change(group, call.user_id, world.bot_id, remove)
    return True


def remove(member: Member) -> None:
    """Remove a member with their tag, title, rights and permissions."""
    demote(member)
    member.status, member.tag, member.until = "left", "", 0
    member.permissions, member.in_chat = set(), False


def _require_hold_over(world: World, group: Group, user_id: int) -> None:
    world.require(group, "can_restrict_members", CANNOT_RESTRICT)
    member = world.member(group, user_id)
    if user_id == world.bot_id:
        raise bad_request("can't restrict self")
    if member.status == "creator":
        raise bad_request("can't remove chat owner")
    if member.status == "administrator":
        raise bad_request("user is an administrator of the chat")


def _until(world: World, until_date: int) -> int:
    distance = until_date - world.now()
    return until_date if SHORTEST_BAN_SECONDS <= distance <= LONGEST_BAN_SECONDS else 0


METHODS: Methods = {
    SetChatMemberTag: set_chat_member_tag,
    SetChatAdministratorCustomTitle: set_custom_title,
    PromoteChatMember: promote_chat_member,
    RestrictChatMember: restrict_chat_member,
    SetChatPermissions: set_chat_permissions,
    BanChatMember: ban_chat_member,
    UnbanChatMember: unban_chat_member,
}
