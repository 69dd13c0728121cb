"""Methods on members of the supergroup: status, tags, titles, promotions, restrictions, bans."""

from . import parameters as p
from .errors import bad_request
from .payloads import full_group, full_person, member_payload
from .rights import ADMINISTRATOR_RIGHTS, PERMISSIONS, check_rank
from .state import JSON, Group, Member, User
from .world import World

__all__ = ["METHODS", "demote", "remove"]

NO_RIGHTS = "not enough rights"
CANNOT_RESTRICT = "not enough rights to restrict/unrestrict chat member"
SHORTEST_BAN_SECONDS, LONGEST_BAN_SECONDS = 30, 366 * 86_400


def get_chat(world: World, call: p.GetChat) -> JSON:
    """ChatFullInfo."""
    chat = world.chat(call.chat_id)
    if isinstance(chat, User):
        return full_person(chat)
    pinned = world.message(chat.id, chat.pinned[-1]) if chat.pinned else None
    return full_group(chat, pinned)


def get_chat_member(world: World, call: p.GetChatMember) -> JSON:
    """ChatMember; "left" for people who never joined."""
    group = world.group(call.chat_id)
    return _shown(world, group, world.member(group, call.user_id))


def get_chat_administrators(world: World, call: p.GetChatAdministrators) -> list[JSON]:
    """The owner and the administrators; other bots only on request."""
    if isinstance(world.chat(call.chat_id), User):
        raise bad_request("there are no administrators in the private chat")
    group = world.group(call.chat_id)
    return [
        _shown(world, group, member)
        for member in group.members.values()
        if member.status in ("creator", "administrator")
    ]


def get_chat_member_count(world: World, call: p.GetChatMemberCount) -> int:
    """The number of members, bots included."""
    chat = world.chat(call.chat_id)
    if isinstance(chat, User):
        return 2
    return sum(world.present(chat, user_id) for user_id in chat.members)


def _shown(world: World, group: Group, member: Member) -> JSON:
    user = world.state.users[member.user_id]
    return member_payload(group, member, user, bot_id=world.bot.id)


def set_chat_member_tag(world: World, call: p.SetChatMemberTag) -> bool:
    """Set the tag of a regular member; without `tag`, clear it."""
    group = world.group(call.chat_id)
    world.require(group, "can_manage_tags", NO_RIGHTS)
    member = world.member(group, call.user_id)
    if member.status in ("creator", "administrator"):
        # tdlib/telegram-bot-api#838: a bot cannot tag administrators, whatever its rights are.
        raise bad_request("CHAT_CREATOR_REQUIRED")
    if not world.present(group, call.user_id):
        raise bad_request("USER_NOT_PARTICIPANT")
    check_rank(call.tag)

    def alter(member: Member) -> None:
        member.tag = call.tag

    world.change(group, call.user_id, world.bot.id, alter)
    return True


def set_custom_title(world: World, call: p.SetChatAdministratorCustomTitle) -> bool:
    """Set the title of an administrator promoted by the bot."""
    group = world.group(call.chat_id)
    member = world.member(group, call.user_id)
    if member.status == "creator":
        raise bad_request("only creator can edit their custom title")
    if member.status != "administrator":
        raise bad_request("user is not an administrator")
    world.require(group, "can_promote_members", NO_RIGHTS)
    if member.promoted_by != world.bot.id:
        raise bad_request("not enough rights to change custom title of the user")
    check_rank(call.custom_title)

    def alter(member: Member) -> None:
        member.custom_title = call.custom_title

    world.change(group, call.user_id, world.bot.id, alter)
    return True


def promote_chat_member(world: World, call: p.PromoteChatMember) -> bool:
    """Promote a member with some of the bot's own rights; without any, demote them."""
    group = world.group(call.chat_id)
    world.require(group, "can_promote_members", NO_RIGHTS)
    member = world.member(group, call.user_id)
    if call.user_id == world.bot.id:
        raise bad_request("can't promote self")
    if member.status == "creator":
        raise bad_request("can't remove chat owner")
    if not world.present(group, call.user_id):
        raise bad_request("USER_NOT_PARTICIPANT")
    if member.status == "administrator" and member.promoted_by != world.bot.id:
        raise bad_request("CHAT_ADMIN_REQUIRED")
    granted = {right for right in ADMINISTRATOR_RIGHTS if getattr(call, right)}
    if not granted <= world.member(group, world.bot.id).rights:
        raise bad_request("RIGHT_FORBIDDEN")

    def promote(member: Member) -> None:
        member.status, member.tag, member.until = "administrator", "", 0
        # Every right implies can_manage_chat, access to the administrators' view.
        member.rights = granted | {"can_manage_chat"}
        member.is_anonymous = call.is_anonymous
        member.promoted_by = world.bot.id

    world.change(group, call.user_id, world.bot.id, promote if granted else demote)
    return True


def demote(member: Member) -> None:
    """Turn an administrator into a plain member."""
    member.status, member.custom_title, member.promoted_by = "member", "", None
    member.rights, member.is_anonymous = set(), False


def restrict_chat_member(world: World, call: p.RestrictChatMember) -> bool:
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

    world.change(group, call.user_id, world.bot.id, alter)
    return True


def set_chat_permissions(world: World, call: p.SetChatPermissions) -> bool:
    """Set the default permissions of members."""
    group = world.group(call.chat_id)
    world.require(group, "can_restrict_members", "not enough rights to change chat permissions")
    granted = _granted(call.permissions, independent=call.use_independent_chat_permissions)
    if granted == group.permissions:
        raise bad_request("CHAT_NOT_MODIFIED")
    group.permissions = granted
    return True


def _granted(permissions: p.ChatPermissions, *, independent: bool) -> set[str]:
    granted = {name for name in PERMISSIONS if getattr(permissions, name)}
    if permissions.can_react_to_messages is None and permissions.can_send_messages:
        granted.add("can_react_to_messages")
    if permissions.can_manage_topics is None and permissions.can_pin_messages:
        granted.add("can_manage_topics")
    if not independent and permissions.can_send_other_messages:
        granted |= {name for name in PERMISSIONS if name.startswith("can_send_")}
    return granted


def ban_chat_member(world: World, call: p.BanChatMember) -> bool:
    """Remove a person, and ban them from joining again."""
    group = world.group(call.chat_id)
    _require_hold_over(world, group, call.user_id)
    was_there = world.present(group, call.user_id)

    def alter(member: Member) -> None:
        remove(member)
        member.status, member.until = "kicked", _until(world, call.until_date)

    world.change(group, call.user_id, world.bot.id, alter)
    if call.revoke_messages:
        kept = world.state.messages.get(group.id, {})
        world.state.messages[group.id] = {
            message_id: message
            for message_id, message in kept.items()
            if message["from"]["id"] != call.user_id
        }
    if was_there:
        world.left_notice(group, call.user_id, by=world.bot.id)
    return True


def unban_chat_member(world: World, call: p.UnbanChatMember) -> bool:
    """Lift a ban. Also removes a person who is in the group, unless only_if_banned."""
    group = world.group(call.chat_id)
    member = world.member(group, call.user_id)
    if call.only_if_banned and member.status != "kicked":
        return True
    _require_hold_over(world, group, call.user_id)
    world.change(group, call.user_id, world.bot.id, remove)
    return True


def remove(member: Member) -> None:
    """Remove a member with their tag, title, rights and permissions."""
    demote(member)
    member.status, member.tag, member.until = "left", "", 0
    member.permissions, member.in_chat = set(), False


def _require_hold_over(world: World, group: Group, user_id: int) -> None:
    world.require(group, "can_restrict_members", CANNOT_RESTRICT)
    member = world.member(group, user_id)
    if user_id == world.bot.id:
        raise bad_request("can't restrict self")
    if member.status == "creator":
        raise bad_request("can't remove chat owner")
    if member.status == "administrator":
        raise bad_request("user is an administrator of the chat")


def _until(world: World, until_date: int) -> int:
    distance = until_date - world.now()
    return until_date if SHORTEST_BAN_SECONDS <= distance <= LONGEST_BAN_SECONDS else 0


def leave_chat(world: World, call: p.LeaveChat) -> bool:
    """The bot leaves the group."""
    group = world.group(call.chat_id)
    world.change(group, world.bot.id, world.bot.id, remove)
    return True


METHODS: p.Methods = {
    p.GetChat: get_chat,
    p.GetChatMember: get_chat_member,
    p.GetChatAdministrators: get_chat_administrators,
    p.GetChatMemberCount: get_chat_member_count,
    p.LeaveChat: leave_chat,
    p.SetChatMemberTag: set_chat_member_tag,
    p.SetChatAdministratorCustomTitle: set_custom_title,
    p.PromoteChatMember: promote_chat_member,
    p.RestrictChatMember: restrict_chat_member,
    p.SetChatPermissions: set_chat_permissions,
    p.BanChatMember: ban_chat_member,
    p.UnbanChatMember: unban_chat_member,
}
