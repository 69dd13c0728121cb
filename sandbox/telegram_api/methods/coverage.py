"""Which methods of the Bot API the sandbox does not imitate, and why."""

from sandbox.telegram_api.errors import ApiError

__all__ = ["OUT_OF_SCOPE", "refusal_of"]

_OUT_OF_SCOPE = {
    "business accounts, which act for a person": """
        deleteBusinessMessages editMessageChecklist getBusinessAccountGifts
        getBusinessAccountStarBalance getBusinessConnection readBusinessMessage
        removeBusinessAccountProfilePhoto sendChecklist setBusinessAccountBio
        setBusinessAccountGiftSettings setBusinessAccountName setBusinessAccountProfilePhoto
        setBusinessAccountUsername transferBusinessAccountStars
    """,
    "payments and stars": """
        answerPreCheckoutQuery answerShippingQuery createChatSubscriptionInviteLink
        createInvoiceLink editChatSubscriptionInviteLink editUserStarSubscription getMyStarBalance
        getStarTransactions refundStarPayment sendInvoice sendPaidMedia
    """,
    "gifts": """
        convertGiftToStars getAvailableGifts getChatGifts getUserGifts giftPremiumSubscription
        sendGift transferGift upgradeGift
    """,
    "stories": "deleteStory editStory postStory repostStory",
    "inline mode and guests, which write outside the bot's chats": """
        answerGuestQuery answerInlineQuery answerWebAppQuery savePreparedInlineMessage
        savePreparedKeyboardButton
    """,
    "games": "getGameHighScores sendGame setGameScore",
    "Telegram Passport": "setPassportDataErrors",
    "sets of stickers": """
        addStickerToSet createNewStickerSet deleteChatStickerSet deleteStickerFromSet
        deleteStickerSet getCustomEmojiStickers getStickerSet replaceStickerInSet setChatStickerSet
        setCustomEmojiStickerSetThumbnail setStickerEmojiList setStickerKeywords
        setStickerMaskPosition setStickerPositionInSet setStickerSetThumbnail setStickerSetTitle
        uploadStickerFile
    """,
    "verification on behalf of organizations": """
        removeChatVerification removeUserVerification verifyChat verifyUser
    """,
    "bots that manage bots": """
        getManagedBotAccessSettings getManagedBotToken replaceManagedBotToken
        setManagedBotAccessSettings
    """,
    "suggested posts": "approveSuggestedPost declineSuggestedPost",
    "rich messages, drafts and live photos, which are newer than the sandbox": """
        editEphemeralMessageMedia sendLivePhoto sendMessageDraft sendRichMessage
        sendRichMessageDraft
    """,
    "profiles and boosts of people": """
        getUserChatBoosts getUserPersonalChatMessages getUserProfileAudios setUserEmojiStatus
    """,
    "the bot's own picture": "removeMyProfilePhoto setMyProfilePhoto",
    "join requests by a web app": "answerChatJoinRequestQuery sendChatJoinRequestWebApp",
}
OUT_OF_SCOPE = {name: reason for reason, names in _OUT_OF_SCOPE.items() for name in names.split()}
_KNOWN = {name.lower(): name for name in OUT_OF_SCOPE}


def refusal_of(name: str) -> ApiError:
    """Return the answer to a method that the sandbox does not imitate, or that does not exist."""
    known = _KNOWN.get(name.lower())
    if known is None:
        return ApiError(404, f"Not Found: method not found: {name!r}")
    reason = OUT_OF_SCOPE[known]
    return ApiError(404, f"Not Found: the sandbox does not imitate {known!r} ({reason})")
