"""The commands of docs/management.md, pasted one after the other into a shell."""
import json
import re
import subprocess

from harness_manager import ROOT, SLOW


def commands():
    """The indented blocks that call something, each with the line of its first command."""
    blocks, block = [], []
    for number, line in enumerate((ROOT / "docs/management.md").read_text().splitlines() + [""], 1):
        if line.startswith("    "):
            block.append((number, line[4:]))
        elif block:
            blocks.append((block[0][0], "\n".join(text for _, text in block)))
            block = []
    return [(number, text) for number, text in blocks if "curl" in text]


def test_every_command_of_the_manual_works(manager):
    script = f'set -u\nMANAGER={manager.root}/apiops\nPASSWORD="{manager.password}"\n'
    for number, text in commands():
        script += f"{text}\necho; echo '== {number}'\n"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60 * SLOW, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0 and done.stderr == "", done.stderr
    answers = re.split(r"^== (\d+)$", done.stdout, flags=re.M)
    seen = 0
    for text, number in zip(answers[::2], answers[1::2]):
        for line in re.sub(r"\}\{", "}\n{", text).splitlines():
            if line.strip():
                assert json.loads(line)["status"] == "SUCCESS", f"line {number}: {line}"
                seen += 1
    assert seen > 15
