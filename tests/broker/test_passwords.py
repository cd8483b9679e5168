"""Password hashes: what matches them, and what is no hash at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqplab.broker.access import Users
from amqplab.broker.config import User
from amqplab.broker.passwords import check_hash, hash_password, is_hash, matches
from amqplab.errors import UsageError

SALT = bytes(range(16))


@settings(max_examples=10)
@given(st.text(min_size=1), st.text(min_size=1))
def test_only_the_password_itself_matches_its_hash(password: str, other: str) -> None:
    kept = hash_password(password, SALT)
    assert is_hash(kept)
    check_hash(kept)
    assert matches(kept, password)
    assert matches(kept, password)  # again, from memory
    assert matches(kept, other) is (other == password)


def test_equal_passwords_look_different() -> None:
    assert hash_password("secret", SALT) != hash_password("secret", SALT[::-1])


def test_the_hash_of_a_known_password_never_changes() -> None:
    kept = "scrypt$16384$8$1$AAECAwQFBgcICQoLDA0ODw==$lUTkiXnaPIlt+39/W8AV+zIOgQ+DcviNZtmSHaWiqmU="
    assert hash_password("secret", SALT) == kept


def test_plain_text_is_compared_as_it_is() -> None:
    assert matches("secret", "secret")
    assert not matches("secret", "Secret")
    assert not is_hash("secret")


@pytest.mark.parametrize(
    "wrong",
    [
        "scrypt$",
        "scrypt$16384$8$1$AAEC",
        "scrypt$many$8$1$AAEC$AAEC",
        "scrypt$16384$8$1$not base64$AAEC",
        "scrypt$16383$8$1$AAEC$AAEC",
        "scrypt$1073741824$8$1$AAEC$AAEC",
    ],
)
def test_what_no_password_could_match_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match=r"is no password hash .*amqplab passwd` makes one"):
        check_hash(wrong)


def test_users_log_in_with_hashed_passwords_and_an_empty_one_never_works() -> None:
    users = Users((User("ann", hash_password("secret", SALT)), User("bob", hash_password("", SALT))))
    assert users.authenticate("ann", "secret", True) is not None
    assert users.authenticate("ann", "wrong", True) is None
    assert users.authenticate("bob", "", True) is None
    assert users.authenticate("eve", "secret", True) is None
