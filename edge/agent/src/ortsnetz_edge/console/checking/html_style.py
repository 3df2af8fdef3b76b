"""How the HTML report looks; verdicts are words as well as colours."""

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem;
  color: #1c2024; background: #fff; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2rem; } h3 { margin-top: 1.8rem; }
table { border-collapse: collapse; width: 100%; font-size: 13px; margin-bottom: 1rem; }
th, td { text-align: left; vertical-align: top; padding: 3px 10px 3px 0;
  border-bottom: 1px solid #e3e6e8; }
th { font-weight: 600; color: #5b6670; }
.number { display: block; text-align: right; font-variant-numeric: tabular-nums; }
.badge { display: inline-block; border-radius: 3px; padding: 0 6px; font-size: 12px;
  font-weight: 600; color: #fff; }
.badge.ok { background: #2a7d46; } .badge.attention { background: #9a6200; }
.badge.wrong { background: #b3261e; }
svg .scale { fill: #d5dade; } svg .band { fill: #b9d8c3; }
svg.ok .mark { fill: #2a7d46; } svg.attention .mark { fill: #9a6200; }
svg.wrong .mark { fill: #b3261e; }
a { color: inherit; }
@media print { body { margin: 0; max-width: none; } h3 { break-after: avoid; }
  tr { break-inside: avoid; } }
"""
