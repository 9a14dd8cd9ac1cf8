from __future__ import annotations

from containers import reason

from retrieve.documents.formats.mail import mailbox
from retrieve.documents.read import read_document

BEGIN = "From ana@x.es Tue Jul  9 18:03:00 2019\n"


def _mailbox(tmp_path, *mails, end="\n\n"):
    path = tmp_path / "a.mbox"
    path.write_text("".join(BEGIN + mail + end for mail in mails), encoding="utf-8", newline="")
    return path


def _hits(document):
    return [(each.title, each.text, each.record) for each in document.passages]


def test_each_mail_is_a_record_under_its_subject(tmp_path):
    path = _mailbox(
        tmp_path,
        "Subject: Uno\n\nHola.\n\nFrom now on, nothing.\n\n>From aqui.",
        "Subject: Dos\nContent-Type: text/html\n\n<h1>Título</h1><p>Adiós.</p>",
        "Subject: Tres",
    )
    assert _hits(read_document(path)) == [
        ("Uno", "Hola. From now on, nothing. From aqui.", 1),
        ("Dos", "Título Adiós.", 2),
        ("Tres", "Tres", 3),
    ]


def test_lines_may_end_as_windows_ends_them(tmp_path):
    path = _mailbox(
        tmp_path, "Subject: Uno\r\n\r\nHola.", "Subject: Dos\r\n\r\nAdiós.", end="\r\n\r\n"
    )
    assert [record for *_, record in _hits(read_document(path))] == [1, 2]


def test_what_is_left_out_is_said_of_the_first_mails(tmp_path):
    broken = "Subject: Uno\nContent-Type: text/csv; name=a.csv\n\n\0\0\0\0\0\0"
    document = read_document(_mailbox(tmp_path, *[broken] * 7))
    assert len(document.warnings) == 6
    assert document.warnings[0].startswith("mail 1: a.csv: left out: ")
    assert document.warnings[-1] == "of 2 more mails something is left out"


def test_a_mailbox_of_endless_text_is_read_up_to_a_mail(tmp_path, monkeypatch):
    monkeypatch.setattr(mailbox, "MAX_TEXT_CHARACTERS", 1 << 20)
    path = _mailbox(tmp_path, "Subject: Uno\n\nHola.", "\n" + "palabra " * (1 << 18))
    (warning,) = read_document(path).warnings
    assert warning == "its mails are read up to number 2: it holds more than 1 million characters"


def test_a_file_in_which_no_mail_begins_is_a_reason(tmp_path):
    (tmp_path / "a.mbox").write_text("Hola.")
    assert reason(tmp_path / "a.mbox") == "not a mailbox: no line of it begins a mail (From …)"
