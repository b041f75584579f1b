"""What a client asks of who may answer, favour, boost and quote."""

from dataclasses import replace

from federation.objects.policies import KINDS, Policies
from server.errors import unprocessable
from server.forms import Form

_NAMES = {"reply": "reply", "like": "favourite", "announce": "reblog", "quote": "quote"}


def wished_policies(form: Form, before: Policies) -> Policies:
    """`interaction_policy[…]` of ours and Mastodon's `quote_approval_policy`, upon what was."""
    group = form.group("interaction_policy") or Form({})
    wished = {deed: group.text(name, 20) for deed, name in _NAMES.items()}
    wished["quote"] = form.text("quote_approval_policy", 20) or wished["quote"]
    chosen = {deed: kind for deed, kind in wished.items() if kind}
    for kind in chosen.values():
        if kind not in KINDS:
            raise unprocessable(
                "Who may answer, favour, boost or quote should be public, followers or nobody."
            )
    return replace(before, **chosen)
