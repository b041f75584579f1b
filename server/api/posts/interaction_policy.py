"""Interaction policies that clients ask for: who may answer, favourite, boost and quote."""

from dataclasses import replace

from federation.objects.interaction_policy import KINDS, InteractionPolicy
from server.http.errors import unprocessable
from server.http.forms import Form

_NAMES = {"reply": "reply", "like": "favourite", "announce": "reblog", "quote": "quote"}


def parse_interaction_policy(form: Form, before: InteractionPolicy) -> InteractionPolicy:
    """`interaction_policy[…]` of ours and Mastodon's `quote_approval_policy`, upon what was."""
    group = form.group("interaction_policy") or Form({})
    if not group.values.keys() <= set(_NAMES.values()):
        raise unprocessable("“interaction_policy” is about reply, favourite, reblog and quote.")
    wanted = [(deed, group.text(name, 20)) for deed, name in _NAMES.items()]
    wanted.append(("quote", form.text("quote_approval_policy", 20)))
    chosen: dict[str, str] = {}
    for deed, kind in wanted:
        if kind and kind not in KINDS:
            raise unprocessable(
                "Who may answer, favour, boost or quote should be public, followers or nobody."
            )
        if kind:  # said in two ways, the narrower holds
            chosen[deed] = max(kind, chosen.get(deed, "public"), key=KINDS.index)
    return replace(before, **chosen)
