"""What the actions have made."""

import pytest
from testinfra.host import Host


@pytest.mark.parametrize(
    ("path", "content", "rights"),
    [
        ("/etc/reader/it's here.conf", "naïve\n", (0o400, "reader", "reader")),
        ("/etc/reader/empty", "", (0o644, "root", "root")),
        ("/etc/reader/settings.json", '{"number": 1}', (0o644, "root", "root")),
    ],
)
def test_a_file_has_its_content_owner_and_rights(
    machine: Host, path: str, content: str, rights: tuple[int, str, str]
) -> None:
    file = machine.file(path)
    assert (file.content_string, (file.mode, file.user, file.group)) == (content, rights)


def test_a_folder_has_its_owner_and_rights(machine: Host) -> None:
    folder = machine.file("/etc/reader")
    assert (folder.is_directory, folder.mode, folder.user, folder.group) == (True, 0o750, "root", "reader")


def test_folders_above_a_folder_are_made_like_it(machine: Host) -> None:
    assert [machine.file(path).mode for path in ("/srv/deep", "/srv/deep/er", "/srv/deep/er/still")] == [
        0o755
    ] * 3


def test_nothing_that_belongs_to_writing_is_left(machine: Host) -> None:
    assert sorted(machine.file("/etc/reader").listdir()) == ["empty", "it's here.conf", "settings.json"]


def test_the_user_is_nobody_who_signs_in(machine: Host) -> None:
    user = machine.user("reader")
    assert (user.home, user.shell, machine.file("/var/lib/reader").exists) == (
        "/var/lib/reader",
        "/usr/sbin/nologin",
        False,
    )


def test_the_packages_are_there_for_their_own_sake(machine: Host) -> None:
    assert machine.package("tree").is_installed
    assert machine.check_output("apt-mark showmanual tree logrotate").split() == ["logrotate", "tree"]
