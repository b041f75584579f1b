"""Settings: where they come from, what is refused, and that the papers say the same."""

import ast
import re
from dataclasses import FrozenInstanceError, fields, replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from server.settings.settings import Settings, SettingsError, annotate, document, load, locate
from server.settings.types import Listen

ROOT = Path(__file__).parents[3]
SECRET = "0123456789abcdef" * 4
NAMES = [setting.name for setting in fields(Settings)]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change the folder, so that no kith.toml of the working tree is read by accident."""
    monkeypatch.chdir(tmp_path)


def development(**more: str) -> Settings:
    return load({"KITH_DOMAIN": "localhost:8000", "KITH_DEVELOPMENT": "true"} | more)


def production(**more: str) -> Settings:
    return load({"KITH_DOMAIN": "garden.example", "KITH_SECRET": SECRET} | more)


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "kith.toml"
    file.write_text(text, "utf-8")
    file.chmod(mode)
    return file


def refusal(environ: dict[str, str], file: Path | None = None) -> str:
    with pytest.raises(SettingsError) as refused:
        load(environ, file)
    return str(refused.value)


def test_variables_that_scripts_rely_on_make_a_development_server(tmp_path: Path) -> None:
    settings = load(
        {
            "KITH_DATA_DIR": str(tmp_path),
            "KITH_DOMAIN": "localhost:8000",
            "KITH_LISTEN": "127.0.0.1:8000",
            "KITH_DEVELOPMENT": "true",
            "KITH_RATE_LIMITS": "off",
        }
    )
    assert settings.data_dir == tmp_path
    assert settings.domain == settings.web_domain == settings.title == "localhost:8000"
    assert settings.listen == Listen("127.0.0.1", 8000)
    assert settings.development
    assert not settings.rate_limits
    assert settings.secret is None
    assert settings.web_origin == "http://localhost:8000"
    assert not settings.secure_cookies
    assert settings.trusted_proxies == ()


def test_production_speaks_https_and_trusts_a_proxy_on_this_machine_only(tmp_path: Path) -> None:
    settings = production(KITH_WEB_DOMAIN="www.garden.example")
    assert settings.scheme == "https"
    assert settings.web_origin == "https://www.garden.example"
    assert settings.secure_cookies
    assert settings.trusted_proxies == (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    assert settings.data_dir == tmp_path / "data"
    assert settings.backup_dir == tmp_path / "data" / "backups"
    assert settings.registrations == "approval"
    assert settings.smtp_from == "no-reply@garden.example"


def test_settings_cannot_be_changed_afterwards() -> None:
    settings = production()
    with pytest.raises(FrozenInstanceError):
        settings.rate_limits = False  # type: ignore[misc]


def test_environment_goes_before_the_file(tmp_path: Path) -> None:
    written(tmp_path, f'domain = "garden.example"\nsecret = "{SECRET}"\nmax_characters = 700\n')
    data = {"KITH_DATA_DIR": str(tmp_path)}
    assert load(data).max_characters == 700
    assert load(data | {"KITH_MAX_CHARACTERS": "900"}).max_characters == 900
    assert load(data | {"KITH_MAX_CHARACTERS": " "}).max_characters == 700


def test_file_lies_in_the_data_folder_or_where_kith_config_says(tmp_path: Path) -> None:
    assert locate({}) == tmp_path / "data" / "kith.toml"
    assert locate({"KITH_DATA_DIR": "there"}) == tmp_path / "there" / "kith.toml"
    assert locate({"KITH_DATA_DIR": "there", "KITH_CONFIG": "k.toml"}) == tmp_path / "k.toml"


def test_paths_in_the_file_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    text = f'domain = "garden.example"\nsecret = "{SECRET}"\ndata_dir = "../kept"\n'
    file = written(tmp_path / "etc", text)
    settings = load({"KITH_CONFIG": str(file)})
    assert settings.data_dir.resolve() == tmp_path / "kept"
    assert settings.backup_dir.resolve() == tmp_path / "kept" / "backups"


def test_file_in_the_data_folder_names_no_other_data_folder(tmp_path: Path) -> None:
    written(tmp_path, 'domain = "garden.example"\ndata_dir = "elsewhere"\n')
    assert "leave that line out" in refusal({"KITH_DATA_DIR": str(tmp_path)})


def test_unknown_key_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    file = written(tmp_path, 'domian = "garden.example"\n')
    assert refusal({}, file) == "kith.toml says `domian`; did you mean `domain`?"
    file = written(tmp_path, "zebra = 1\n")
    assert refusal({}, file) == "kith.toml says `zebra`, which is no setting of ours."
    file = written(tmp_path, '[smtp]\nhost = "mail.example"\n')
    assert "table `[smtp]`" in refusal({}, file)


def test_unknown_variable_is_refused_with_the_nearest_name() -> None:
    said = refusal({"KITH_DOMIAN": "garden.example"})
    assert said == "The environment says `KITH_DOMIAN`; did you mean `KITH_DOMAIN`?"
    assert "`KITH_DATA_DIR`" in refusal({"KITH_DATADIR": "x"})
    assert "no setting of ours" in refusal({"KITH_ZEBRA": ""})


def test_file_that_is_missing_or_no_toml_is_refused(tmp_path: Path) -> None:
    assert "There is no" in refusal({"KITH_CONFIG": str(tmp_path / "none.toml")})
    assert "not written as TOML" in refusal({}, written(tmp_path, "domain garden"))
    assert "cannot be read" in refusal({}, tmp_path)
    (tmp_path / "kith.toml").write_bytes(b'title = "\xff"')
    assert "not written as TOML" in refusal({}, tmp_path / "kith.toml")


def test_setting_of_any_value_ends_in_a_sentence(tmp_path: Path) -> None:
    base = {"KITH_DATA_DIR": str(tmp_path), "KITH_DOMAIN": "localhost:1", "KITH_DEVELOPMENT": "on"}
    wrong = ['"\\u0000"', "-1", "1.5", "true", "[1]", "[]", '""', '" "', '"☃"', "2020-01-01"]
    wrong += [
        '"%s"' % ("x" * 5000),
        '["en", ""]',
        '"[::1"',
        '"::1:8"',
        '"unix:"',
        '"a@"',
        '"../.."',
    ]
    refused = 0
    for name in NAMES:
        for value in wrong:
            file = written(tmp_path, f"{name} = {value}\n")
            environ = {key: text for key, text in base.items() if key != f"KITH_{name.upper()}"}
            try:
                load(environ, file)
            except SettingsError as error:
                refused += 1
                assert f"`{name}`" in str(error) or "KITH_DOMAIN" in str(error), (name, value)
                assert "\0" not in str(error)
                assert len(str(error)) < 400
    print(f"{len(NAMES) * len(wrong)} cells, {refused} refused")
    assert refused > len(NAMES) * len(wrong) // 2


@pytest.mark.parametrize(
    ("variable", "value", "part"),
    [
        ("KITH_MAX_CHARACTERS", "lots", "no whole number. What fits is a whole number from 100"),
        ("KITH_MAX_CHARACTERS", "5", "too small"),
        ("KITH_MEDIA_MAX_BYTES", "99999999999", "too large"),
        ("KITH_REGISTRATIONS", "maybe", "open, approval, invitation or closed"),
        ("KITH_RATE_LIMITS", "perhaps", "neither on nor off"),
        ("KITH_LISTEN", "8000", "no IP address"),
        ("KITH_LISTEN", "127.0.0.1:70000", "no port"),
        ("KITH_LISTEN", "::1:80", "brackets"),
        ("KITH_LISTEN", "unix:kith.sock", "no absolute path"),
        ("KITH_TRUSTED_PROXIES", "10.0.0.5/8", "host bits"),
        ("KITH_LANGUAGES", "en, english", "`english` is no language code"),
        ("KITH_TIMEZONE", "Middle/Earth", "no time zone"),
        ("KITH_TIMEZONE", "../../etc/passwd", "no time zone"),
        ("KITH_CONTACT_EMAIL", "us", "an e-mail address"),
        ("KITH_CONTACT_ACCOUNT", "@marta", "without its `@`"),
        ("KITH_TITLE", "a\nb", "control character"),
        ("KITH_TITLE", "x" * 101, "101 characters"),
        ("KITH_LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("KITH_DOMAIN", "http://garden.example", "more than a name"),
        ("KITH_DOMAIN", "bad_name.example", "no host name"),
        ("KITH_DOMAIN", "garden.example.", "ends in a dot"),
        ("KITH_DOMAIN", "localhost:http", "no port"),
        ("KITH_DOMAIN", "localhost:80", "can be left out"),
    ],
)
def test_bad_value_gets_a_sentence_with_its_name_and_what_fits(
    variable: str, value: str, part: str
) -> None:
    said = refusal({"KITH_DOMAIN": "localhost:8000", "KITH_DEVELOPMENT": "on", variable: value})
    assert said.startswith(f"`{variable}` in the environment says `")
    assert part in said
    assert "What fits is " in said


def test_values_are_read_as_what_they_are() -> None:
    settings = development(
        KITH_LISTEN="[::1]:8000",
        KITH_METRICS_LISTEN="unix:/run/kith/metrics",
        KITH_LANGUAGES="en, pt-BR en",
        KITH_TRUSTED_PROXIES="10.1.0.0/24, fd00::1",
        KITH_TITLE="Garten 🏳️‍🌈",
        KITH_SMTP_TLS="tls",
        KITH_TIMEZONE="Europe/Berlin",
        KITH_AUTHORISED_FETCH="on",
    )
    assert settings.listen == Listen("::1", 8000)
    assert str(settings.listen) == "[::1]:8000"
    assert settings.metrics_listen == Listen(path=Path("/run/kith/metrics"))
    assert str(settings.metrics_listen) == "unix:/run/kith/metrics"
    assert settings.languages == ("en", "pt-BR")
    assert settings.trusted_proxies == (ip_network("10.1.0.0/24"), ip_network("fd00::1"))
    assert settings.title == "Garten 🏳️‍🌈"
    assert settings.smtp_port == 465
    assert str(settings.zone) == "Europe/Berlin"
    assert settings.authorised_fetch
    assert development(KITH_TRUSTED_PROXIES="none").trusted_proxies == ()
    assert development().metrics_listen is None


@pytest.mark.parametrize(
    ("domain", "name"),
    [
        ("Garden.Example", "garden.example"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("garden。example", "garden.example"),
    ],
)
def test_domain_is_kept_in_its_lower_case_ascii_form(domain: str, name: str) -> None:
    assert production(KITH_DOMAIN=domain).domain == name


@pytest.mark.parametrize("domain", ["localhost:8000", "garden.localhost:8001", "127.0.0.1:8000"])
def test_development_allows_names_of_this_machine(domain: str) -> None:
    assert development(KITH_DOMAIN=domain).web_origin == f"http://{domain}"


def test_production_refuses_every_name_that_is_not_public() -> None:
    """SECURITY D 34: what no other server may call is nothing to be called by either."""
    names = ["localhost", "garden.localhost", "garden.local", "kith", "nas.internal", "x.onion"]
    names += ["a.invalid", "a.home.arpa", "box.localdomain", "LOCALHOST", "127.0.0.1", "10.0.0.1"]
    names += ["192.168.1.9", "0x7f.0x1", "1.2", "2130706433", "１２７.0.0.1", "garden.example:8443"]
    cells = [(setting, name) for setting in ("KITH_DOMAIN", "KITH_WEB_DOMAIN") for name in names]
    for setting, name in cells:
        said = refusal({"KITH_DOMAIN": "garden.example", "KITH_SECRET": SECRET, setting: name})
        assert said.startswith(f"`{setting}` in the environment says `")
        assert "KITH_DEVELOPMENT=true" in said
    print(f"{len(cells)} cells")
    assert production(KITH_DOMAIN="local.example").domain == "local.example"


def test_production_needs_a_secret_and_a_domain() -> None:
    assert "run `kith init`" in refusal({"KITH_DOMAIN": "garden.example"})
    assert "No domain is set" in refusal({"KITH_SECRET": SECRET})


def test_figures_are_never_served_on_a_public_address() -> None:
    public = ["0.0.0.0:9100", "[::]:9100", "203.0.113.5:9100", "8.8.8.8:1", "[2001:db8::1]:9100"]
    public += ["[::ffff:8.8.8.8]:9100", "172.32.0.1:9100", "100.64.0.1:9100"]
    for address in public:
        said = refusal({"KITH_DOMAIN": "garden.example", "KITH_METRICS_LISTEN": address})
        assert "the whole network could read" in said
    for address in ("127.0.0.1:9100", "[::1]:9100", "10.0.0.2:9100", "localhost:9100"):
        assert production(KITH_METRICS_LISTEN=address).metrics_listen is not None
    print(f"{len(public) + 4} cells")


@pytest.mark.parametrize("everybody", ["0.0.0.0/0", "::/0", "10.0.0.0/8 0.0.0.0/0"])
def test_trusted_proxy_cannot_be_everybody(everybody: str) -> None:
    said = refusal({"KITH_DOMAIN": "garden.example", "KITH_TRUSTED_PROXIES": everybody})
    assert "choose the address it is known by" in said


def test_secrets_are_in_no_representation_and_no_refusal() -> None:
    settings = production(KITH_SMTP_PASSWORD="hunter2hunter2")
    assert settings.secret == SECRET
    assert settings.smtp_password == "hunter2hunter2"
    for shown in (repr(settings), str(settings), repr(replace(settings, title="x"))):
        assert SECRET not in shown
        assert "hunter2" not in shown
    said = refusal({"KITH_DOMAIN": "garden.example", "KITH_SECRET": "hunter2"})
    assert "hunter2" not in said
    said = refusal({"KITH_DOMAIN": "garden.example", "KITH_SMTP_PASSWORD": "hunter2\n"})
    assert "hunter2" not in said


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o606, 0o666, 0o602])
def test_file_with_secrets_that_everybody_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    secrets = f'domain = "garden.example"\nsecret = "{SECRET}"\n'
    said = refusal({}, written(tmp_path, secrets, mode))
    assert "chmod 600" in said
    assert SECRET not in said
    assert load({}, written(tmp_path, secrets, 0o640)).secret == SECRET
    plain = written(tmp_path, 'domain = "localhost:8000"\ndevelopment = true\n', mode)
    assert load({}, plain).development


def test_mail_password_travels_encrypted_or_stays_on_this_machine() -> None:
    mail = {"KITH_SMTP_HOST": "mail.example", "KITH_SMTP_PASSWORD": "x", "KITH_SMTP_TLS": "off"}
    assert "in the open" in refusal({"KITH_DOMAIN": "a.example", "KITH_SECRET": SECRET} | mail)
    assert production(**mail | {"KITH_SMTP_HOST": "localhost"}).smtp_port == 25
    assert production(**mail | {"KITH_SMTP_TLS": "starttls"}).smtp_port == 587


def test_init_writes_what_can_be_read_again(tmp_path: Path) -> None:
    values = {
        "domain": "garden.example",
        "secret": SECRET,
        "title": 'Say "hi" \\ ü',
        "listen": "[::1]:1",
    }
    file = written(tmp_path, annotate(values | {"max_characters": 700, "languages": ["de", "en"]}))
    settings = load({}, file)
    assert settings.title == 'Say "hi" \\ ü'
    assert settings.secret == SECRET
    assert settings.listen == Listen("::1", 1)
    assert settings.max_characters == 700
    assert settings.languages == ("de", "en")


def test_defaults_that_are_written_out_fit(tmp_path: Path) -> None:
    lines = re.findall(r"^# (\w+ = .+)$", annotate({}), re.MULTILINE)
    text = "\n".join(line for line in lines if not line.startswith("data_dir"))
    file = written(tmp_path, text)
    given = {"KITH_DOMAIN": "garden.example", "KITH_SECRET": SECRET}
    assert replace(load(given, file), data_dir=Path(), backup_dir=Path()) == replace(
        load(given), data_dir=Path(), backup_dir=Path()
    )
    assert len(lines) > 20


def test_example_names_every_setting_as_it_is() -> None:
    example = (ROOT / "deploy" / "kith.toml").read_text("utf-8")
    assert example == annotate({"domain": "garden.example"})
    assert re.findall(r"^(?:# )?(\w+) =", example, re.MULTILINE) == NAMES


def test_hosting_guide_documents_every_setting_as_it_is() -> None:
    guide = (ROOT / "deploy" / "README.md").read_text("utf-8")
    assert document() in guide
    assert all(f"| `{name}` |" in document() for name in NAMES)


def test_environment_is_read_in_one_place() -> None:
    allowed = {"server/__main__.py", "server/demo/run.py"}  # which hand it to load(), or to a child
    modules = [
        module
        for package in ("server", "federation", "storage")
        for module in (ROOT / package).rglob("*.py")
        if module.relative_to(ROOT).as_posix() not in allowed
    ]
    readers = [str(module) for module in modules if _reads_environment(module)]
    print(f"{len(modules)} modules")
    assert readers == []


def _reads_environment(module: Path) -> bool:
    words = {"environ", "environb", "getenv", "getenvb"}
    return any(
        (isinstance(node, ast.Attribute) and node.attr in words and ast.unparse(node.value) == "os")
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and _names(node) & words)
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
    )


def _names(node: ast.ImportFrom) -> set[str]:
    return {alias.name for alias in node.names}
