"""The command as a whole: help, exit codes, complaints."""

import subprocess
import sys

import pytest

import gramarye
from gramarye import cli
from gramarye.cli import COMMANDS, main, make_commands
from gramarye.errors import OptimizationError, OutputError, SettingsError


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for command in COMMANDS:
        assert f"\n  {command} " in text


def test_a_command_loads_no_other() -> None:
    code = "import sys; from gramarye.cli import main; main(['instant', '-h']); print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(told.stdout.split())
    assert [name for name in COMMANDS if f"gramarye.cli.{name}" in loaded] == ["instant"]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"gramarye {gramarye.__version__}\n"


def test_what_a_command_is_for_is_said_in_the_list_as_by_itself() -> None:
    commands = make_commands()
    assert {name: commands.named(name).short_help for name in COMMANDS} == COMMANDS


def test_nothing_to_do_shows_the_help_and_is_a_mistake(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "stylize" in err


@pytest.mark.parametrize(
    "command",
    [["--help"], *([name, "--help"] for name in ("stylize", "texture", "blend", "redo", "score"))],
)
def test_help_imports_no_torch_and_is_quick(command: list[str]) -> None:
    code = (
        "import sys, time\n"
        "from gramarye.cli import main\n"
        f"assert main({command!r}) == 0\n"
        "heavy = {'torch', 'numpy', 'PIL', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "print(time.process_time(), file=sys.stderr)\n"
    )
    bare = "import sys, time, click, pydantic.main\nprint(time.process_time(), file=sys.stderr)\n"
    # Of processor time, the least of three each, in turns. Half a second where the two libraries
    # alone take a sixth: other work on a machine makes both longer, up to twice.
    ours: list[float] = []
    libraries: list[float] = []
    for _ in range(3):
        for made, found in ((code, ours), (bare, libraries)):
            done = subprocess.run([sys.executable, "-c", made], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            found.append(float(done.stderr))
    assert min(ours) < max(0.5, 3 * min(libraries))


def test_python_m_gramarye_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gramarye", "stylise"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "did you mean 'stylize'?" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["stylise"], "unknown command 'stylise'"),
        (["--sise"], "unknown option '--sise' ("),
        (["stylize", "a.png", "b.png", "--iterations", "9"], "unknown option '--iterations' ("),
        (["stylize", "a.png", "b.png", "--max-size", "9"], "did you mean '--size'?"),
        (["stylize", "a.png", "b.png", "--sise=9"], "did you mean '--size'?"),
        (["stylize", "a.png", "--sise", "9", "b.png"], "did you mean '--size'?"),
        (["stylize"], "CONTENT is missing (what the picture shows): write 'gramarye stylize"),
        (["stylize", "a.png"], "STYLE... is missing"),
        (
            ["stylize", "a.png", "b.png", "--size", "x"],
            "--size is 'x': give a whole number",
        ),
        (
            ["stylize", "a.png", "b.png", "--size", "4"],
            "--size is 4: give a whole number",
        ),
        (
            ["stylize", "a.png", "b.png", "--strength", "2"],
            "--strength is 2.0: give a number from",
        ),
        (
            ["stylize", "a.png", "b.png", "--strength", "strong"],
            "--strength is 'strong': give",
        ),
        (["stylize", "a.png", "b.png", "--color", "styl"], "did you mean 'style'?"),
        (["stylize", "a.png", "b.png", "--preset", "defalt"], "did you mean 'default'?"),
        (
            ["stylize", "a.png", "b.png", "--style-layers", "relu1_1=a"],
            "--style-layers has 'a' at relu1_1: g",
        ),
        (
            ["stylize", "a.png", "b.png", "--save-every", "0"],
            "--save-every is 0: give a whole",
        ),
        (
            ["stylize", "a.png", "b.png", "--quality", "0", "-o", "c.jpg"],
            "--quality is 0: give a wh",
        ),
        (["stylize", "a.png", "b.png", "--size"], "--size has no value: give N behind it"),
        (["stylize", "-a.png", "b.png"], "unknown option '-a.png'; a file of that name is written"),
        (["stylize", "a.png", "b.png", "-size", "9"], "unknown option '-size'; did you mean"),
        (["redo", "a.png", "b.png"], "'b.png' is too much: 'gramarye redo' takes PICTURE"),
        (["stylize", "a", "b", "--style-layers", "relu1_1,relu1_1=2"], "once, and not relu1_1 tw"),
        (["stylize", "-", "b.png"], "pictures are not read from standard input"),
        (["stylize", "a.png", "b.png", "-o", "-"], "nothing goes to standard output"),
        (["stylize", "a.png", "b.png", "-o", "."], "'.' is a folder: give a file name"),
        (["presets", "a", "--json"], "unknown option '--json'"),
        (["recipe", "a.png", "--json=1"], "--json takes no value"),
        (
            ["stylize", "a.png", "b.png", "--style-scale", "0,7"],
            "at most 8, with a point: 0.7",
        ),
        (["stylize", "a.png", "b.png", "--style-weights", "1,x"], "--style-weights has 'x' in it"),
        (
            ["stylize", "a.png", "b.png", "--memory", "10"],
            "--memory is '10': give an amount",
        ),
        (["stylize", "a.png", "b.png", "--network", "vg"], "unknown network 'vg': there are vgg19"),
        (["stylize", "a.png", "b.png", "--init", ""], "--init is '': give the name of a file\n"),
        (["stylize", "", "b.png"], "CONTENT is '': give the name of a file\n"),
        (["stylize", "a.png", "b.png", "-o", ""], "--out is '': give the name of a file\n"),
        (["stylize", "a.png", "b.png", "--preview", ""], "--preview is '': give the name"),
        (["stylize", "https://a.org/b.png", "b.png"], "'https://a.org/b.png' is a web address"),
        (["stylize", "a", "b", "-o", "ftp://a.org/b.png"], "'ftp://a.org/b.png' is a web address"),
        (["demo", "--size", "3"], "--size is 3: give a whole number from 16"),
        (["presets", "defalt"], "did you mean 'default'?"),
        (["completion", "bsh"], "did you mean 'bash'?"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_exit_code_2(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("gramarye: ") and err.count("\n") == 1
    assert told in err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError("a"), 2),
        (OutputError("a"), 2),
        (OptimizationError("a"), 1),
        (RuntimeError("a"), 1),
        (MemoryError("a"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes(
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(args: object) -> None:
        raise error

    monkeypatch.setattr(cli.presets, "run", fail)
    monkeypatch.delenv("GRAMARYE_DEBUG", raising=False)
    assert main(["presets"]) == code
    assert "Traceback" not in capsys.readouterr().err


def test_a_mistake_of_ours_says_so_and_shows_where_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(args: object) -> None:
        raise ZeroDivisionError("one over nothing")

    monkeypatch.setattr(cli.presets, "run", fail)
    monkeypatch.setenv("GRAMARYE_DEBUG", "1")
    assert main(["presets"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err and "mistake of ours, ZeroDivisionError: one over nothing" in err


def test_memory_that_runs_out_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(args: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 10 TB")

    monkeypatch.setattr(cli.presets, "run", fail)
    assert main(["presets"]) == 1
    assert "smaller --size" in capsys.readouterr().err


def test_presets_lists_each_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(gramarye.preset_names())
    assert all(len(line.split()) > 3 for line in lines)


def test_every_preset_shows_options_the_command_takes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in gramarye.preset_names():
        assert main(["presets", name]) == 0
        given = capsys.readouterr().out.splitlines()[1:]
        options = [word for line in given for word in line.split(" ", 1)]
        command = cli.make_commands().named("stylize")
        params = command.make_context("stylize", ["a", "b", *options]).params
        expected = gramarye.load_preset(name)
        assert {key: params[key] for key in expected} == expected


def test_advice_to_programmers_is_not_shown_to_users() -> None:
    program = (
        "import sys, warnings; from gramarye import cli\n"
        "cli.run = lambda arguments: warnings.warn('advice') or 0\n"
        "sys.argv = ['gramarye']; sys.exit(cli.main())"
    )
    shown = [
        subprocess.run(
            [sys.executable, *options, "-c", program], capture_output=True, text=True, check=True
        ).stderr
        for options in ([], ["-W", "default"])
    ]
    assert shown[0] == "" and "advice" in shown[1]


def test_a_closed_pipe_is_no_traceback() -> None:
    done = subprocess.run(
        f"'{sys.executable}' -m gramarye presets | head -c 0",
        shell=True,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
