"""The secret key and its file."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import PROJECT
from timApp.util.errors import ConfigError
from timApp.util.secret import load_or_create_secret_key

RACER = """
import sys
from pathlib import Path
from timApp.util.secret import load_or_create_secret_key
print("ready", flush=True)
for line in sys.stdin:
    print(load_or_create_secret_key(Path(line.rstrip())), flush=True)
"""


def write_key(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """Make a key file with this content and mode."""
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_the_first_start_makes_a_key_that_later_starts_read(tmp_path: Path) -> None:
    """A key made at the first start is the key of every later start."""
    path = tmp_path / "secret_key"
    key = load_or_create_secret_key(path)
    assert load_or_create_secret_key(path) == key


def test_a_new_key_has_32_random_bytes(tmp_path: Path) -> None:
    """A new key is 32 bytes of randomness in hexadecimal, and no two are the same."""
    keys = {load_or_create_secret_key(tmp_path / str(n)) for n in range(20)}
    assert len(keys) == 20
    assert all(len(bytes.fromhex(key)) == 32 for key in keys)


def test_only_the_owner_has_access_to_a_new_key_and_its_new_folder(tmp_path: Path) -> None:
    """The file is made with mode 0600 and a missing folder with mode 0700, whatever the umask."""
    path = tmp_path / "site" / "instance" / "secret_key"
    before = os.umask(0)
    try:
        load_or_create_secret_key(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_making_a_key_leaves_nothing_else_behind(tmp_path: Path) -> None:
    """After a key is made its file is the only one in the folder and has no other name."""
    path = tmp_path / "secret_key"
    load_or_create_secret_key(path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_nlink == 1


def test_a_key_of_the_owners_own_making_is_read_without_its_line_break(tmp_path: Path) -> None:
    """A key that somebody put there is taken as it is, but for white space around it."""
    path = write_key(tmp_path / "secret_key", b"chosen by hand, and long\n")
    assert load_or_create_secret_key(path) == "chosen by hand, and long"


def test_processes_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    """Processes that race for the first key of a folder all end with the same one."""
    folders = [tmp_path / str(n) for n in range(40)]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
        )
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    keys: list[set[str]] = []
    for folder in folders:
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write(f"{folder / 'secret_key'}\n")
            racer.stdin.flush()
        keys.append({racer.stdout.readline() for racer in racers if racer.stdout is not None})
    for racer in racers:
        racer.communicate()
        assert racer.returncode == 0
    assert all(len(found) == 1 for found in keys)
    assert all(len(next(iter(found)).strip()) == 64 for found in keys)
    assert all([file.name for file in folder.iterdir()] == ["secret_key"] for folder in folders)


@pytest.mark.parametrize("content", [b"", b" \n\n"])
def test_an_empty_key_file_is_an_error_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    """An empty key file is reported by its name and never silently replaced."""
    path = write_key(tmp_path / "secret_key", content)
    with pytest.raises(ConfigError, match="is empty") as caught:
        load_or_create_secret_key(path)
    assert str(path) in caught.value.message
    assert path.read_bytes() == content


def test_a_key_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    """A key file that is not text is reported by its name, without what is in it."""
    path = write_key(tmp_path / "secret_key", b"abc\xff")
    with pytest.raises(ConfigError, match="is not text") as caught:
        load_or_create_secret_key(path)
    assert str(path) in caught.value.message
    assert path.read_bytes() == b"abc\xff"


def test_a_key_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """What stands in the way of reading the key is reported with the file's name."""
    path = tmp_path / "secret_key"
    path.mkdir()
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        load_or_create_secret_key(path)
    assert str(path) in caught.value.message


def test_a_link_to_nowhere_is_an_error_and_stays_as_it_is(tmp_path: Path) -> None:
    """A symbolic link whose file is missing is reported and not replaced by a new key."""
    path = tmp_path / "secret_key"
    path.symlink_to(tmp_path / "gone")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_or_create_secret_key(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """If the folder cannot be made, the error names the file of the key."""
    (tmp_path / "instance").write_text("in the way")
    path = tmp_path / "instance" / "secret_key"
    with pytest.raises(ConfigError) as caught:
        load_or_create_secret_key(path)
    assert str(path) in caught.value.message


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o777])
def test_a_key_file_open_to_others_is_an_error_that_says_what_to_do(
    tmp_path: Path, mode: int
) -> None:
    """A key that others can read or change is refused with the command that closes it to them."""
    path = write_key(tmp_path / "secret_key", b"precious", mode)
    with pytest.raises(ConfigError, match="chmod 600") as caught:
        load_or_create_secret_key(path)
    assert str(path) in caught.value.message
    assert "precious" not in caught.value.message
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("length", [1, 16, 32, 63])
def test_a_key_file_that_was_cut_off_is_an_error_and_stays_as_it_is(
    tmp_path: Path, length: int
) -> None:
    """What is left of a key of ours after a failed copy is no key, though it is long enough."""
    path = tmp_path / "secret_key"
    load_or_create_secret_key(path)
    content = path.read_bytes()[:length]
    write_key(path, content)
    with pytest.raises(ConfigError, match="cut off") as caught:
        load_or_create_secret_key(path)
    assert str(path) in caught.value.message
    assert path.read_bytes() == content


def test_a_key_that_has_lost_its_line_end_alone_is_whole(tmp_path: Path) -> None:
    """An editor that drops the line end changes no key, and a short one of one's own may end it."""
    path = tmp_path / "secret_key"
    key = load_or_create_secret_key(path)
    write_key(path, key.encode())
    assert load_or_create_secret_key(path) == key
    write_key(path, b"0123456789abcdef\n")
    assert load_or_create_secret_key(path) == "0123456789abcdef"


def test_a_key_file_that_could_be_guessed_is_an_error(tmp_path: Path) -> None:
    """A key of less than 16 characters is refused by its file's name, without the key."""
    path = write_key(tmp_path / "secret_key", b"precious, short\n")
    with pytest.raises(ConfigError, match="less than 16 characters") as caught:
        load_or_create_secret_key(path)
    assert str(path) in caught.value.message
    assert "precious" not in caught.value.message
