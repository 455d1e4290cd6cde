"""The revision is what git says it is, without git being run."""

import json
import subprocess

import pytest

from photometry.io.store.revision import UNKNOWN, git_revision


def git(folder, *arguments):
    """Run git as a user of its own; return what it says."""
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=trunk"]
    result = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return result.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "one")
    yield folder
    git_revision.cache_clear()


def test_branch(checkout):
    assert git_revision(checkout) == git(checkout, "rev-parse", "HEAD")


def test_packed_branch(checkout):
    git(checkout, "branch", "trunk2")
    git(checkout, "pack-refs", "--all")
    assert git_revision(checkout) == git(checkout, "rev-parse", "HEAD")


def test_detached(checkout):
    git(checkout, "checkout", "--quiet", "--detach")
    assert git_revision(checkout) == git(checkout, "rev-parse", "HEAD")


def test_linked_worktree(checkout, tmp_path):
    linked = tmp_path / "linked"
    git(checkout, "worktree", "add", "--quiet", "-b", "other/name", str(linked))
    git(linked, "commit", "--quiet", "--allow-empty", "--message", "two")
    assert git_revision(linked) == git(linked, "rev-parse", "HEAD") != git_revision(checkout)


def test_no_commit_yet(tmp_path):
    git(tmp_path, "init", "--quiet")
    assert git_revision(tmp_path) == UNKNOWN


@pytest.mark.parametrize("head", ["", "ref: refs/heads/trunk", "what is this", b"\xff\xfe"])
def test_what_cannot_be_read_is_unknown(tmp_path, head):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_bytes(head if isinstance(head, bytes) else head.encode())
    assert git_revision(tmp_path) == UNKNOWN


def test_no_checkout_is_unknown(tmp_path):
    assert git_revision(tmp_path) == UNKNOWN


@pytest.mark.parametrize(
    ("origin", "revision"),
    [
        ({"url": "https://here/x.git", "vcs_info": {"vcs": "git", "commit_id": "c" * 40}}, "c" * 40),
        ({"url": "file:///x.whl", "archive_info": {}}, UNKNOWN),
        ({"url": "file:///x", "dir_info": {"editable": True}}, UNKNOWN),
        ([], UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_installed_package(tmp_path, origin, revision):
    folder = tmp_path / "tess_psf_photometry-0.1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: tess-psf-photometry\nVersion: 0.1.0\n")
    if origin is not None:
        (folder / "direct_url.json").write_text(json.dumps(origin))
    assert git_revision(tmp_path) == revision
    git_revision.cache_clear()
