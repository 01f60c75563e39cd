"""Token endpoints: introspection, refresh, chosen secrets, the password grant."""

import json
import os

from tollbench import tokens, wrk
from tollbench.figures import Figure, alternate, median
from tollbench.rows_proxy import cache_counts, cache_share

CONNECTIONS = 32
PASSWORD = "correct-horse-battery-staple"


def call(path, key, body):
    """A line of a file for wrk's `calls`."""
    return f"POST\t{path}\t{tokens.basic(key) if key else ''}\t{body}"


def calls_write(stage, name, lines):
    return tokens.write_lines(os.path.join(stage.work, name + ".calls"), lines)


def paired(stage, row, title, required, names, first, second, pairs=None):
    """Alternating slices; the ratio of answers per CPU-second."""
    pairs = pairs or stage.pairs

    def say(i, a, b):
        stage.say(f"  {row} {i + 1}/{pairs}: {a.per_cpu_second:.0f} to {b.per_cpu_second:.0f} per CPU-second = "
                  f"{a.per_cpu_second / b.per_cpu_second:.3f}  ({a.requests} and {b.requests} requests, {a.errors + b.errors} errors)")

    results = alternate(pairs, first, second, say)
    ratios = [a.per_cpu_second / b.per_cpu_second for a, b in results]
    figure = Figure(row, title, median(ratios), required, errors=sum(a.errors + b.errors for a, b in results), samples=ratios)
    for i, name in enumerate(names):
        figure.notes[f"{name}_per_cpu_second"] = median([pair[i].per_cpu_second for pair in results])
        figure.notes[f"{name}_requests"] = sum(pair[i].requests for pair in results)
        figure.notes[f"{name}_p99_us"] = median([pair[i].detail["p99"] for pair in results])
    return figure


def send(stage, file, **options):
    """A slice of the calls in a file."""
    g = stage.main
    return wrk.run(g.url, stage.seconds, CONNECTIONS, g.root, calls=file, **options)


# ---- introspection ----

def introspections(key, made):
    return [call("/auth/introspect", key, "token=" + token) for token in made]


def static(stage, file):
    """The same requests to `return 200` in the same nginx."""
    g = stage.main
    return wrk.run(f"http://127.0.0.1:{g.static_port}", stage.seconds, CONNECTIONS, g.root, calls=file)


def active_check(stage, key, token):
    answer = stage.main.token_answer(key, "/auth/introspect", token=token)
    if answer.status_code != 200 or answer.json().get("active") is not True:
        raise RuntimeError(f"introspection: {answer.status_code} {answer.text}")


def introspect(stage):
    return [introspect_hit(stage), introspect_miss(stage)]


def introspect_hit(stage):
    g = stage.main
    key = g.keys["opaque"]
    made = tokens.issue_many(g, key, "/auth/token", min(stage.tokens, 1000), os.path.join(stage.work, "introspect.answers"))
    active_check(stage, key, made[0])
    file = calls_write(stage, "introspect", introspections(key, made))
    sent = 0
    while sent < 2 * len(made):
        sent += send(stage, file).requests
    static(stage, file)
    before = cache_counts(g)
    figure = paired(stage, "introspect", "introspection of a cached opaque token, to `return 200` of the same nginx", 0.5,
                    ("introspection", "return_200"), lambda: send(stage, file), lambda: static(stage, file))
    figure.notes["cache_hits"] = cache_share(before, cache_counts(g), "hit")
    if figure.notes["cache_hits"] < 0.99:
        figure.problem(f"only {figure.notes['cache_hits']:.1%} of the tokens were seen before")
    return figure


def introspect_miss(stage):
    """Tokens that are each asked about once, by a gateway that was started after they had been issued."""
    pairs = max(2, stage.pairs // 2)
    count = 1000 if stage.quick else 8000
    g = stage.gateway()
    key = g.proxy("opaque", stage.backend.url, path="/opaque", policy="opaque")
    made = tokens.issue_many(g, key, "/auth/token", count * (pairs + 1), os.path.join(stage.work, "once.answers"))
    g.restart()
    file = os.path.join(stage.work, "once.calls")
    lookups = 'tollgate_store_lookups_total{result="answered"}'
    shares = []

    def once():
        calls_write(stage, "once", introspections(key, [made.pop() for _ in range(count)]))
        before = g.metrics()[lookups]
        result = wrk.run(g.url, stage.seconds, CONNECTIONS, g.root, calls=file, once="1")
        shares.append((g.metrics()[lookups] - before) / result.requests)
        return result

    once()
    figure = paired(stage, "introspect-miss", "... of one that was not seen before", None, ("introspection", "return_200"),
                    once, lambda: static(stage, file), pairs=pairs)
    figure.notes["store_lookups_per_request"] = min(shares)
    if min(shares) < 0.99:
        figure.problem(f"only {min(shares):.1%} of the tokens were looked up in the store")
    stage.drop(g)
    return figure


# ---- refresh ----

def refresh(stage):
    """Each refresh token once, to new tokens of the same policy."""
    g = stage.main
    key = g.proxy("refresh", stage.backend.url, path="/refresh", policy="opaque", refreshTokenAllowed=True, refreshTokenCount=3)
    count = 1000 if stage.quick else 5000
    answers = os.path.join(stage.work, "refresh.answers")

    def issue(seconds=None, record=None):
        return tokens.issue(g, key, "/auth/token", seconds or stage.seconds, 64, record=record)

    def fresh():
        found = []
        while len(found) < count:
            errors.append(issue(record=answers).errors)
            with open(answers) as f:
                found += [json.loads(line)["refresh_token"] for line in f]
        file = calls_write(stage, "refresh", [call("/auth/token", key, "grant_type=refresh_token&refresh_token=" + t) for t in found[:count]])
        return wrk.run(g.url, 2, 64, g.root, calls=file, once="1")

    errors = []
    figure = paired(stage, "refresh", "refreshes of opaque tokens, to new ones of the same policy", None, ("refreshes", "new"),
                    fresh, issue, pairs=max(2, stage.pairs // 2))
    figure.errors += sum(errors)
    return [figure]


# ---- secrets of credentials ----

def credential(gateway, name, password=None):
    """(client_id, secret): the secret generated, or the chosen password."""
    gateway.project()
    body = {"username": name} | ({"password": password} if password else {})
    made = gateway.manage("POST", "/projects/shop/credentials/", body)
    return name, password or made["clientSecret"]


def chosen(stage):
    """A credential with an argon2id secret that asks again and again, to one with a generated secret."""
    g = stage.main
    keys = {"argon2id": credential(g, "chosen", PASSWORD), "generated": credential(g, "generated")}

    def slice_of(kind):
        return tokens.issue(g, keys[kind], "/credential/token", stage.seconds, 64)

    for kind, key in keys.items():
        g.token(key, "/credential/token")
        slice_of(kind)
    return [paired(stage, "chosen", "client_credentials with an argon2id secret in steady use, to the same with a generated secret", 0.9,
                   tuple(keys), lambda: slice_of("argon2id"), lambda: slice_of("generated"))]


def password(stage):
    """The password grant of a user in steady use, to client_credentials of the same settings."""
    g = stage.main
    key = g.proxy("password", stage.backend.url, path="/password", policy="opaque", grantType="PASSWORD")
    user, secret = credential(g, "user", PASSWORD)
    file = calls_write(stage, "password", [call("/auth/token", key, f"grant_type=password&username={user}&password={secret}")])
    g.token(key, grant_type="password", username=user, password=secret)
    send(stage, file)
    return [paired(stage, "password", "password grant of a user in steady use, to client_credentials", None, ("password", "client_credentials"),
                   lambda: wrk.run(g.url, stage.seconds, 64, g.root, calls=file),
                   lambda: tokens.issue(g, g.keys["opaque"], "/auth/token", stage.seconds, 64))]
