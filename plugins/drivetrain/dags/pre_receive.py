"""The server-side git hook's text: in the distribution, since the server has no checkout. k8s/git/ has the same."""

from __future__ import annotations

PRE_RECEIVE = r"""#!/bin/sh
# A server-side hook: refuses a push to the protected branch whose DAGs fail `drivetrain dags check`.
# `drivetrain dags hook install <bare repository>` puts it in place. What it asks git's configuration for:
#   drivetrain.protected   the branch (main)
#   drivetrain.command     the program (drivetrain)
#   drivetrain.seconds     the longest that a check may take (120)
# A check that can't be made refuses: `git config drivetrain.protected none` turns the hook off.
set -eu
protected=refs/heads/$(git config --get drivetrain.protected || echo main)
command=$(git config --get drivetrain.command || echo drivetrain)
seconds=$(git config --get drivetrain.seconds || echo 120)
nothing=$(git hash-object --stdin </dev/null | tr '0-9a-f' '0')
while read -r old new ref; do
  [ "$ref" = "$protected" ] || continue
  if [ "$new" = "$nothing" ]; then
    echo "$ref is protected: it can't be deleted" >&2
    exit 1
  fi
  set -- dags check --repository . --commit "$new" --one-parser
  [ "$old" = "$nothing" ] || set -- "$@" --against "$old"
  code=0
  timeout "$seconds" "$command" "$@" >&2 || code=$?
  if [ "$code" -eq 124 ]; then
    echo "drivetrain dags check did not end within $seconds s: see whether a DAG file hangs" >&2
  fi
  [ "$code" -eq 0 ] || exit 1
done
"""
