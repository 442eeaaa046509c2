"""Locked PDFs: which passwords are tried, how processes learn of them, and where none is left."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest
from click.testing import CliRunner
from jobs import pages as rows_in
from jobs import run
from making import finished
from pdfs import LOCKED

import raypipe as rp
from raypipe.cli.main import cli
from raypipe.errors import PageError
from raypipe.files.ranged import HeldFile
from raypipe.images import passwords
from raypipe.images.image import Limits, open_image
from raypipe.images.kinds import page_count
from raypipe.images.pdf import rebuilt, unlocked
from raypipe.inputs.lists import add_listed_passwords
from raypipe.inputs.pages import documents, page_rows
from raypipe.outputs.base import Document
from raypipe.outputs.pdf import render

SECRET = "sesame"
LIMITS = Limits(10**7, 100, 10)


@pytest.fixture(autouse=True)
def _knows_none(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(passwords, "_known", passwords.Passwords())
    yield


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "a.pdf"
    path.parent.mkdir()
    path.write_bytes(pages_locked_with(SECRET, 2))
    return path


def pages_locked_with(password: str, count: int = 1, owner: str = "x") -> bytes:
    pdf, file = pikepdf.new(), io.BytesIO()
    for _ in range(count):
        pdf.add_blank_page()
    pdf.save(file, encryption=pikepdf.Encryption(user=password, owner=owner))
    return file.getvalue()


def exceptions(source: object) -> list[str | None]:
    return [page.exception for page in rp.Pipeline([rp.BinaryToImage()]).run(source)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("l.csv", f"path,password\na.pdf,{SECRET}\n"),
        ("l.tsv", f"password\tid\tpath\n{SECRET}\tone\ta.pdf\n"),
        ("l.jsonl", f'{{"path": "b.pdf"}}\n{{"path": "a.pdf", "password": "{SECRET}"}}\n'),
    ],
)
def test_a_list_may_have_passwords(locked: Path, name: str, text: str) -> None:
    (locked.parent / name).write_text(text)
    assert [page.exception for page in rp.Pipeline([rp.BinaryToImage()]).run(locked.parent / name)][-2:] == [None, None]


def test_a_password_is_for_its_document_alone(locked: Path) -> None:
    (locked.parent / "b.pdf").write_bytes(locked.read_bytes())
    (locked.parent / "l.csv").write_text(f"path,password\na.pdf,{SECRET}\nb.pdf,\n")
    assert [bool(each) for each in exceptions(locked.parent / "l.csv")] == [False, False, True]


def test_a_wrong_password_is_counted_and_not_told(locked: Path) -> None:
    (said,) = exceptions({"path": str(locked), "password": "geheim"})
    assert said and "pdf_locked" in said and "(1)" in said and "geheim" not in said


@pytest.mark.parametrize("password", [SECRET, "Zażółć €"])
def test_rows_and_bytes_have_passwords_too(tmp_path: Path, password: str) -> None:
    data = pages_locked_with(password)
    (tmp_path / "a.pdf").write_bytes(data)
    for row in ({"path": str(tmp_path / "a.pdf")}, {"content": data}):
        (page,) = rp.Pipeline([rp.BinaryToImage()]).run({**row, "password": password})
        assert page.exception is None and "password" not in page


def test_one_without_a_password_for_readers_opens() -> None:
    assert exceptions(pages_locked_with("", owner="secret")) == [None]


def test_one_that_is_damaged_too_is_rebuilt_with_its_password(locked: Path) -> None:
    file = HeldFile(locked.read_bytes())
    with pytest.raises(PageError, match="locked"):
        rebuilt(file, "a.pdf")
    passwords.add_passwords(passwords.Passwords({"a.pdf": SECRET}))
    assert page_count(rebuilt(file, "a.pdf") or b"") == 2


def test_a_job_writes_no_password(locked: Path, tmp_path: Path) -> None:
    secret = "a-secret-of-21-letters"
    locked.write_bytes(pages_locked_with(secret, 2))
    (locked.parent / "l.csv").write_text(f"path,password\na.pdf,{secret}\n")
    run(locked.parent / "l.csv", tmp_path / "out", formats=("json", "pdf"))
    assert [page.exception for page in rows_in(tmp_path / "out")] == [None, None]
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert {path.suffix for path in written} >= {".pdf", ".parquet", ".toml"}
    assert not [path for path in written if secret.encode() in path.read_bytes()]
    with pikepdf.open(next(path for path in written if path.suffix == ".pdf")) as opened:
        assert len(opened.pages) == 2


def test_a_file_of_passwords(locked: Path, tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text(f"\ufeffwrong\n\n{SECRET}\n")
    arguments = [str(locked), "-o", str(tmp_path / "out"), "--passwords", str(tmp_path / "secrets")]
    pipeline = tmp_path / "p.toml"
    pipeline.write_text('[[stage]]\ntype = "BinaryToImage"\n')
    done = CliRunner().invoke(
        cli, ["run", *arguments, "--pipeline", str(pipeline), "--engine", "local", "--overlay", "none"]
    )
    assert (done.exit_code, SECRET in done.output) == (0, False), done.output
    assert [page.exception for page in rows_in(tmp_path / "out")] == [None, None]


def test_a_file_of_passwords_that_is_not_there(locked: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["run", str(locked), "-o", str(tmp_path / "out"), "--passwords", "nowhere"])
    assert "passwords" in str(done.exception) and not (tmp_path / "out").exists()


def test_another_process_is_told(locked: Path) -> None:
    passwords.add_passwords(passwords.Passwords({str(locked): SECRET}))
    packed = pickle.dumps(passwords.carried(len))
    passwords._known = passwords.Passwords()
    assert exceptions(locked) != [None, None]
    assert pickle.loads(packed)("ab") == 2
    assert exceptions(locked) == [None, None]


def test_nothing_shows_a_password() -> None:
    known = passwords.Passwords({"a.pdf": "geheim"}, ("geheim",))
    passwords.add_passwords(known)
    assert "geheim" not in f"{known!r} {passwords.known_passwords()!r} {passwords.carried(len)!r}"


def test_a_document_in_an_archive_has_the_password_of_its_archive() -> None:
    passwords.add_passwords(passwords.Passwords({"x/a.zip": "one"}, ("two",)))
    assert list(passwords.of("x/a.zip!/b.pdf")) == ["one", "two"]
    assert list(passwords.of("x/b.zip!/b.pdf")) == ["two"]


def test_a_list_that_is_not_there_is_left_to_its_reader(tmp_path: Path) -> None:
    add_listed_passwords(str(tmp_path / "none.csv"))
    assert passwords.known_passwords() == passwords.Passwords()


def test_what_is_not_locked_or_no_pdf_stays_as_it_is() -> None:
    assert unlocked(b"GIF89a", [SECRET]) == b"GIF89a"
    assert unlocked(LOCKED, ["wrong"]) is LOCKED
    assert open_image(unlocked(LOCKED, ["wrong", "open"]), "a.pdf", 0, False, LIMITS).width


def test_a_locked_document_becomes_a_searchable_one(locked: Path) -> None:
    passwords.add_passwords(passwords.Passwords({str(locked): SECRET}))
    rows = list(page_rows(documents(str(locked))))
    assert [row["total_pages"] for row in rows] == [2, 2]
    pages = [finished(str(locked), number, 2) for number in range(2)]
    made = render(Document(path=str(locked), name="a.pdf", pages=pages, folder="out"))
    with pikepdf.open(io.BytesIO(made)) as opened:
        assert len(opened.pages) == 2 and not opened.is_encrypted
