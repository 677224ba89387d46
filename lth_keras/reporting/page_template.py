"""The page as templates of jinja2, which escapes every text that is put into it."""

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<title>{{ title }}</title>
<style>
{{ style }}
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for found in headlines %}
<p class="headline">{{ found.text }}</p>
<p class="note">{{ found.about }}</p>
{% endfor %}
<p class="note">{{ finished }} finished training runs, {{ seconds }} of training.
P<sub>m</sub>: share of the prunable weights that are kept. Early stop: the iteration of
minimum validation loss.
{% for link in csv %}
<a download="{{ link.name }}" href="{{ link.address }}">{{ link.name }}</a>
{% endfor %}
</p>
{% if live %}
<p class="note">This page is drawn again when a run is finished.</p>
{% endif %}
{% if pictures %}
<h2>Figures</h2>
{% for picture in pictures %}
{% if picture.chart %}
<figure class="chart"><div id="chart{{ loop.index }}"></div>
<script type="application/json" data-chart="chart{{ loop.index }}">
{{- picture.chart | tojson -}}
</script>
<figcaption>{{ picture.caption }} Drag to move; pinch, or Ctrl and scroll, to
zoom; double-click to go back.</figcaption></figure>
{% else %}
{{ image(picture) }}
{% endif %}
{% endfor %}
{% endif %}
{% if compared %}
<h2>Compared</h2>
{{ compared.table }}
<p class="note">{{ compared.note }}</p>
{% endif %}
<h2>Results</h2>
{% for run in results %}
{% set number = loop.index %}
{% if run.name %}<h3>{{ run.name }}</h3>{% endif %}
<div class="measures">
{% for measure in run.measures %}
<input type="radio" name="measure{{ number }}" id="m{{ number }}-{{ loop.index }}"
 class="m{{ loop.index }}"{{ " checked" if loop.index == run.first else "" }}>
<label for="m{{ number }}-{{ loop.index }}">{{ measure.name }}</label>
{% endfor %}
{% for measure in run.measures %}
<div class="measure t{{ loop.index }}">{{ measure.table }}</div>
{% endfor %}
</div>
{% for note in run.notes %}
<p class="note">{{ note }}</p>
{% endfor %}
{% if run.layers %}
<h3>Density by layer (%)</h3>
{{ run.layers }}
{% endif %}
{% if run.exports %}
<h3>Exports</h3>
{{ run.exports }}
{% endif %}
{% endfor %}
<h2>Settings</h2>
{{ settings }}
<h2>Made with</h2>
{{ versions }}
<h2>How to make it again</h2>
{% for command in commands %}
<pre>{{ command }}</pre>
{% endfor %}
{% for name in by_library %}
<p><code>{{ name }}</code> was made by <code>lth.LotterySearch</code> with the settings
above.</p>
{% endfor %}
{% if script %}
<script>{{ script }}</script>
<script>
for (const data of document.querySelectorAll("script[data-chart]")) {
  vegaEmbed("#" + data.dataset.chart, JSON.parse(data.textContent), {
    mode: "vega-lite", renderer: "svg",
    actions: {export: true, source: false, compiled: false, editor: false},
  });
}
</script>
{% endif %}
{% if live %}
<script>const state = {{ live | tojson }};
{{ watch }}</script>
{% endif %}
</body>
</html>
"""

# Asks for the page again when its state is another.
WATCH = """\
setInterval(async () => {
  const found = await fetch("state").then((answer) => answer.text(), () => state);
  if (found !== state) location.reload();
}, 2000);"""

WAITING = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<title>Lottery tickets</title>
<style>
{{ style }}
</style>
</head>
<body>
<h1>Nothing to show yet</h1>
<p>{{ reason }}</p>
<p class="note">This page is drawn when a run is finished.</p>
<script>const state = {{ live | tojson }};
{{ watch }}</script>
</body>
</html>
"""
