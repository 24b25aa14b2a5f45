"""What docs/failover.md shows is what `make failover` runs."""

from tests.failover.cluster import CONFIGURATION, read_variables, ttl
from tests.failover.documents import DOCUMENT, shown, with_files
from tests.storm.report import FAULTS


def test_the_document_shows_the_files_that_the_campaign_uses() -> None:
    """Each file of the configuration stands in docs/failover.md, to the letter."""
    text = DOCUMENT.read_text("utf-8")
    files = {file.name: file.read_text("utf-8") for file in CONFIGURATION.iterdir()}
    assert shown(text) == files
    assert with_files(text) == text


def test_a_document_that_differs_from_a_file_is_noticed() -> None:
    """One other letter in what is shown is another text, and is put right."""
    text = DOCUMENT.read_text("utf-8")
    wrong = text.replace("ttl: 20", "ttl: 21")
    assert shown(wrong) != shown(text)
    assert with_files(wrong) == text


def test_the_second_node_of_the_url_is_another_one() -> None:
    """The URL names two nodes, asks for the one that takes changes, and is told soon of neither."""
    url = read_variables("timapp.env")["TIM_DATABASE_URL"]
    assert "@127.0.0.1:5432,127.0.0.1:5433/" in url
    assert "target_session_attrs=read-write" in url
    assert "connect_timeout=" in url


def test_the_table_of_failovers_says_that_nothing_was_lost() -> None:
    """docs/faults.md has at least three failovers; each lost nothing, and the server went on."""
    text = FAULTS.read_text("utf-8")
    begin = text.index("<!-- made by make failover -->")
    made = text[begin : text.index("<!-- end -->", begin)]
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in made.splitlines()
        if line.startswith(("| one", "| two"))
    ]
    assert len(rows) >= 3
    assert f"`ttl` is {ttl()} s" in made
    for row in rows:
        assert row[0] != row[1]
        assert row[4:6] == ["0", "0"]
        assert row[-1] == "went on"
