from bots.runtime.button_memory import ButtonMemory


def test_a_button_is_pressed_once():
    memory = ButtonMemory()

    assert memory.take("message", "yes")
    assert not memory.take("message", "yes")
    assert not memory.take("message", "no")
    assert memory.take("another message", "yes")


def test_the_buttons_of_the_answer_can_be_pressed():
    memory = ButtonMemory()
    memory.take("message", "next")
    memory.renew("message", ["next", "back"])

    assert not memory.take("message", "elsewhere")
    assert memory.take("message", "back")
    assert not memory.take("message", "next")


def test_a_press_that_did_nothing_can_be_repeated():
    memory = ButtonMemory()
    memory.take("message", "yes")
    memory.put_back("message")

    assert memory.take("message", "yes")


def test_the_message_that_was_quiet_the_longest_is_forgotten():
    memory = ButtonMemory(messages_max=2)
    for message in ("first", "second", "third"):
        memory.take(message, "yes")

    assert memory.take("first", "yes")
    assert not memory.take("third", "yes")
