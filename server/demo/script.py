"""People of the demo, and what they say."""

from dataclasses import dataclass

PASSWORD = "beans on the sill"  # noqa: S105 - shown to everybody who runs the demo


@dataclass(frozen=True, slots=True)
class Place:
    """Description of one of the two communities; the first of its people looks after it."""

    title: str
    summary: str
    host: str
    port: int
    folder: str
    people: tuple[str, ...]

    @property
    def domain(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Scene:
    """Scene of the demo: one person says something, others hear it."""

    author: str
    words: str
    warning: str = ""
    visibility: str = ""
    answers: tuple[tuple[str, str], ...] = ()
    heard_by: tuple[str, ...] = ()
    passed_on_by: tuple[str, ...] = ()


PLACES = (
    Place(
        "The Garden",
        "Allotments behind the old brickworks, and a place to say how it is going.",
        "garden.localhost",
        8001,
        "garden",
        ("marta", "ines", "yusuf"),
    ),
    Place(
        "Workshop",
        "For people who would rather mend it.",
        "workshop.localhost",
        8002,
        "workshop",
        ("tomasz", "nadia", "jun"),
    ),
)

SCENES = (
    Scene(
        "yusuf",
        "Frost tonight. The fleece hangs by the green door, whoever needs it. #allotment",
        answers=(("nadia", "Is it heavy enough for a lemon tree on a balcony?"),),
        heard_by=("ines", "jun"),
        passed_on_by=("marta",),
    ),
    Scene(
        "jun",
        "The sewing machine runs, and it stitches backwards only. I am told this is progress.",
        answers=(
            ("tomasz", "Bring it on Thursday. The feed dog is in the wrong way round, I think."),
            ("marta", "My curtains would not mind either way."),
        ),
        heard_by=("yusuf",),
    ),
    Scene(
        "ines",
        "I said at work that all is well at home. It is not. I only wanted to have said it.",
        warning="About my father, who is ill",
        visibility="private",
        answers=(
            ("marta", "Read, twice. I am up until eleven, if you want a voice."),
            ("nadia", "Heard you."),
        ),
    ),
    Scene(
        "nadia",
        "Question for Thursday: what have you thrown away that could have been mended? #mending",
        answers=(("yusuf", "A spade. It was the handle only, and I knew it."),),
        heard_by=("tomasz", "ines"),
        passed_on_by=("jun",),
    ),
)
