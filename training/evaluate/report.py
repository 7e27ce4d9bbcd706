"""The results as one self-contained page: targets, tables, curves and pictures."""

import base64
import io
from html import escape

import numpy as np
from PIL import Image

STYLE = """body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;max-width:1200px;
padding:0 1em;color:#222;background:#fff}
table{border-collapse:collapse;margin:.6em 0 1.4em}
td,th{padding:.25em .7em;border-bottom:1px solid #ddd;text-align:right}
td:first-child,th:first-child{text-align:left}.yes{color:#0a7d32}.no{color:#b3261e}
.oracle td{color:#0a5}.floor td{color:#a33}
.wide{overflow-x:auto}.wide table{font-size:12px;white-space:nowrap}
img{max-width:100%;display:block;margin:.3em 0 1em}small{color:#666}svg{max-width:100%}"""
PICTURES = 6  # rows of a picture sheet


def sheet(columns: dict[str, list[np.ndarray]]) -> str:
    """Pictures u8 [s,s,3], one column per title, as an embedded JPEG."""
    rows = list(zip(*columns.values()))[:PICTURES]
    if not rows:
        return ""
    picture = Image.fromarray(np.concatenate([np.concatenate(row, 1) for row in rows], 0))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=84)
    titles = " · ".join(escape(t) for t in columns)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<p><small>{titles}</small></p><img alt="{titles}" src="data:image/jpeg;base64,{data}">'


def number(entry: dict | float | None) -> str:
    if entry is None:
        return "–"
    value = entry["mean"] if isinstance(entry, dict) else entry
    text = f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"
    return f"{text} <small>± {entry['ci95']:.2g}</small>" if isinstance(entry, dict) and entry.get("n", 1) > 1 else text


def kind_of(row: str) -> str:
    return next((kind for kind in ("oracle", "floor") if row.startswith(kind)), "")


def rows_table(rows: dict[str, dict]) -> str:
    """Rows of metrics; oracles and floors are colored."""
    metrics = list(dict.fromkeys(m for row in rows.values() for m in row))
    out = ['<div class="wide"><table><tr><th></th>', *(f"<th>{escape(m)}</th>" for m in metrics), "</tr>"]
    for name, row in rows.items():
        cells = "".join(f"<td>{number(row.get(m))}</td>" for m in metrics)
        out.append(f'<tr class="{kind_of(name)}"><td>{escape(name)}</td>{cells}</tr>')
    return "".join([*out, "</table></div>"])


def conditions_table(rows: dict[str, dict], metric: str) -> str:
    """Rows "row @ condition" turned into a table of conditions, for one metric."""
    split = {name: tuple(name.rsplit(" @ ", 1)) for name in rows}
    conditions = list(dict.fromkeys(parts[1] for parts in split.values() if len(parts) == 2))
    out = [f"<table><tr><th>{escape(metric)}</th>", *(f"<th>{escape(c)}</th>" for c in conditions), "</tr>"]
    for title in dict.fromkeys(parts[0] for parts in split.values()):
        own = rows.get(title, {}).get(metric)  # a row without conditions holds for all
        cells = "".join(f"<td>{number(rows.get(f'{title} @ {c}', {}).get(metric, own))}</td>" for c in conditions)
        out.append(f'<tr class="{kind_of(title)}"><td>{escape(title)}</td>{cells}</tr>')
    return "".join([*out, "</table>"])


def targets_table(targets: list[dict]) -> str:
    spread = lambda t: "" if t.get("ci95") is None else f"± {t['ci95']:.2g} "
    truth = lambda t: "" if t.get("truth") is None else f" (true maps: {number(t['truth'])})"
    mark = lambda met, limit: (
        f'<td class="{"yes" if met else "no"}">{limit:g}{"" if met is None else " ✓" if met else " ✗"}</td>'
    )
    rows = [
        f"<tr><td>{escape(t['name'])}</td><td>{number(t['value'])} "
        f"<small>{spread(t)}{escape(t['unit'])}{truth(t)}</small></td>"
        f"{mark(t['met_cpu'], t['cpu'])}{mark(t['met_gpu'], t['gpu'])}</tr>"
        for t in targets
    ]
    return (
        "<table><tr><th>target</th><th>measured</th><th>CPU-trained</th><th>GPU-trained</th></tr>"
        + "".join(rows)
        + "</table>"
    )


def page(results: dict, pictures: dict[str, dict[str, list[np.ndarray]]]) -> str:
    """The whole page. `pictures`: per study, columns of pictures."""
    model = results["model"]
    parts = [
        f"<title>{escape(model['config'])}, step {model['step']}</title><meta charset=utf-8><style>{STYLE}</style>",
        f"<h1>Evaluation of {escape(model['config'])}, step {model['step']}</h1>",
        "<h2>Targets</h2>" + targets_table(results["targets"]),
        "<h2>Who measures</h2><table>"
        + "".join(f"<tr><td>{escape(k)}</td><td>{escape(v)}</td></tr>" for k, v in results["nets"].items()),
        "".join(
            f"<tr><td>{escape(k)}</td><td class=no>left out: {escape(v)}</td></tr>"
            for k, v in results["missing"].items()
        )
        + "</table>",
        "<dl>"
        + "".join(f"<dt><b>{escape(k)}</b></dt><dd>{escape(v)}</dd>" for k, v in results["notes"].items())
        + "</dl>",
    ]
    for study, rows in results["studies"].items():
        parts.append(f"<h2>{escape(study)}</h2>")
        if any(" @ " in name for name in rows):
            metrics = (
                ("psnr_masked", "csim_faceres-1024")
                if study == "yaw sweep"
                else ("psnr_masked", "csim_faceres-1024", "aed_l2", "akd_percent")
            )
            parts += [conditions_table(rows, m) for m in metrics if any(m in row for row in rows.values())]
        else:
            parts.append(rows_table(rows))
        parts.append(sheet(pictures.get(study, {})))
    for name, tables in results["draws"].items():
        parts.append(f"<h2>every draw of {escape(name)}</h2>")
        parts += [f"<p>{escape(title)}</p>{rows_table(rows)}" for title, rows in tables.items()]
    for title in ("temporal", "real_photos", "driver", "permutation", "training"):
        rows = results.get(title)
        if not rows:
            continue
        parts.append(f"<h2>{escape(title.replace('_', ' '))}</h2>")
        if title == "training":
            parts.append(
                "<table>"
                + "".join(
                    f"<tr><td>{escape(k)}</td><td style='text-align:left'>{escape(str(v))}</td></tr>"
                    for k, v in rows.items()
                )
                + "</table>"
            )
        else:
            nested = rows if all(isinstance(v, dict) for v in rows.values()) else {title: rows}
            parts.append(rows_table(nested))
        parts.append(sheet(pictures.get(title, {})))
    if results.get("ablations"):
        ablations = results["ablations"]
        parts += [
            "<h2>ablations</h2>",
            *(f"<p>{escape(ablations.get(text, ''))}</p>" for text in ("how", "reading", "why")),
        ]
        parts += [rows_table(ablations["rows"]), "<p>above the first row of each kind, in the same people</p>"]
        parts.append(rows_table(ablations.get("differences", {})))
    return "<!doctype html>" + "\n".join(parts)
