"""What only a server can do wrong: addresses, passwords, rights, missing parts; and what others see of it."""

from __future__ import annotations

import sys
import traceback

import pandas as pd
import pytest
from boai.geodata.errors import BoaiError, WorkspaceError
from boai.geodata.registry import Change, open_registry

pytest_plugins = ["postgis"]

SITE = pd.DataFrame({"id": ["a"], "name": ["甲"], "lon": [115.5], "lat": [28.5]})


def told(target: str, **how) -> str:
    """Open a registry that cannot be opened; return the whole traceback as a user might paste it."""
    with pytest.raises(BoaiError) as caught:
        open_registry(target, **how)
    assert len(str(caught.value).splitlines()) == 1
    return "".join(traceback.format_exception(caught.value))


def hides(text: str, *secrets: str) -> bool:
    from postgis import ESCAPED, PASSWORD

    return not any(secret in text for secret in (PASSWORD, ESCAPED, *secrets))


def test_a_database_without_a_registry(postgis_server) -> None:
    text = told(postgis_server.new_database())
    assert "没有 boai 图层库" in text
    assert hides(text)


def test_a_database_without_postgis_gets_it_where_that_is_allowed(postgis_server) -> None:
    target = postgis_server.new_database(postgis=False)
    with open_registry(target, create=True) as registry:
        registry.apply("aed", SITE, who="x")
        assert len(registry.sites("aed", bbox=(115, 28, 116, 29))) == 1


def limited(server, database: str, *rights: str) -> str:
    """Make a user with few rights; return the address of the database under that user."""
    server.run(
        "DROP OWNED BY clerk" if _exists(server) else "CREATE ROLE clerk LOGIN PASSWORD 'kaffee'", database
    )
    for right in rights:
        server.run(right, database)
    return server.url(database, "kaffee").replace("boai:", "clerk:")


def _exists(server) -> bool:
    return bool(server.run("SELECT 1 FROM pg_roles WHERE rolname = 'clerk'"))


def test_a_user_who_may_not_add_postgis_is_told_whom_to_ask(postgis_server) -> None:
    database = postgis_server.new_database(postgis=False).rsplit("/", 1)[1]
    text = told(limited(postgis_server, database, "GRANT ALL ON SCHEMA public TO clerk"), create=True)
    assert "CREATE EXTENSION postgis" in text
    assert hides(text, "kaffee")


def test_a_reader_on_the_server_reads_and_cannot_write(postgis_server) -> None:
    target = postgis_server.new_database()
    with open_registry(target, create=True) as registry:
        registry.apply("aed", SITE, who="x")
    database = target.rsplit("/", 1)[1]
    address = limited(postgis_server, database, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO clerk")
    with open_registry(address) as registry:
        assert registry.sites("aed")["name"].to_list() == ["甲"]
        registry.verify()
        with pytest.raises(WorkspaceError, match="没有权限") as caught:
            registry.undo(who="x")
        assert hides(str(caught.value), "kaffee", "clerk")
        assert database in registry.where


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda url: url.replace("boai:", "boai:falsch"), "用户名或密码不对"),
        (lambda url: url.replace("127.0.0.1", "no-such-host.invalid"), "找不到主机"),
        (lambda url: url[: url.rindex("/")] + "/no_such_database", "没有这个数据库"),
        (lambda url: url.replace(url[url.rindex(":") : url.rindex("/")], ":9"), "服务器没有应答"),
    ],
)
def test_a_server_that_cannot_be_reached(postgis_server, change, word: str) -> None:
    text = told(change(postgis_server.new_database()))
    assert word in text
    assert hides(text, "falsch")


@pytest.mark.parametrize(
    "target",
    [
        "postgresql://boai:geheim@/not a port:x/y",
        "postgresql://boai:geheim@host:port/db",
        "postgres://boai:ge/heim@h/db?connect_timeout=x",
        "postgresql:geheim",
        "postgresql://boai:x@geheim@host/db",
        "postgresql://boai:x@gehe/im-geheim@host:1/db",
        "postgresql//boai:geheim@host/db",
        "postgres=//boai:geheim@host/db",
    ],
)
def test_an_address_that_makes_no_sense_is_not_repeated(target: str) -> None:
    pytest.importorskip("psycopg")
    text = told(target)
    assert "geheim" not in text
    assert "ge/heim" not in text


def test_a_password_in_the_options_is_not_shown_either(postgis_server) -> None:
    url = postgis_server.new_database()
    url = f"postgresql://boai@{url.split('@')[1]}?password=falsch"
    text = told(url)
    assert "用户名或密码不对" in text
    assert hides(text, "falsch")


def test_without_the_packages_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "boai.geodata.registry.postgis", raising=False)
    with pytest.raises(WorkspaceError, match=r"缺少程序包, 得到 psycopg; 请运行 pip install boai\[postgis\]"):
        open_registry("postgresql://u:p@h/db")


def test_a_server_that_goes_away_is_one_sentence(postgis_server) -> None:
    target = postgis_server.new_database()
    with open_registry(target, create=True) as registry:
        registry.apply("aed", SITE, who="x")

        def prepare(present: pd.DataFrame) -> Change:
            stop_sessions()
            return Change(present.assign(name="乙"))

        def stop_sessions() -> None:
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'boai'"
            postgis_server.run(query)

        with pytest.raises(WorkspaceError, match="连不上图层库的服务器"):
            registry.update("aed", prepare, who="x")
        assert registry.sites("aed")["name"].to_list() == ["甲"]  # a new session begins by itself
        stop_sessions()
        registry.apply("aed", SITE.assign(id="b"), who="x")
        assert len(registry.sites("aed")) == 2


def test_the_geometry_follows_lon_and_lat_and_nobody_can_set_it(postgis_server) -> None:
    target = postgis_server.new_database()
    database = target.rsplit("/", 1)[1]
    with open_registry(target, create=True) as registry:
        registry.apply("aed", pd.concat([SITE, SITE.assign(id="b", lon=None, lat=None)]), who="x")
    query = "SELECT id, ST_SRID(geom), ST_AsText(geom) FROM boai_sites ORDER BY id"
    assert postgis_server.run(query, database) == [("a", 4326, "POINT(115.5 28.5)"), ("b", None, None)]
    with pytest.raises(Exception, match="generated column"):
        postgis_server.run("UPDATE boai_sites SET geom = NULL", database)
    table = "SELECT f_table_name, type, srid FROM geometry_columns WHERE f_table_name = 'boai_sites'"
    assert postgis_server.run(table, database) == [("boai_sites", "POINT", 4326)]
