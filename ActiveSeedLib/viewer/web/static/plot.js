// A plot of Plotly's whose parts come one by one: another colouring does not send the points again,
// and the ring around the open case moves without a redrawing of ten thousand others.
(() => {
  const { h, onBeforeUnmount, onMounted, ref, toRaw, watch } = window.Vue;

  const CONFIG = { displayModeBar: false, doubleClick: "autosize", showTips: false };
  const copy = (value) => JSON.parse(JSON.stringify(toRaw(value) ?? {}));

  // Give the points back to a trace that names them by number only.
  function filled(trace, points, words) {
    if (!trace.members) return { ...trace };
    const of = trace.members;
    return {
      ...trace,
      x: of.map((i) => points.x[i]),
      y: of.map((i) => points.y[i]),
      text: of.map((i) => `<b>${points.names[i]}</b><br>${words.texts[words.of[i]]}`),
    };
  }

  // A ring of fixed size, light on dark so that it shows on any colour.
  function rings(mark) {
    if (!mark) return [];
    const ring = (radius, color, width) => ({
      type: "circle",
      xsizemode: "pixel",
      ysizemode: "pixel",
      xanchor: mark[0],
      yanchor: mark[1],
      x0: -radius,
      x1: radius,
      y0: -radius,
      y1: radius,
      line: { color, width },
    });
    return [ring(9, "#000000", 5), ring(9, "#ffffff", 2)];
  }

  const ActiveSeedPlot = {
    props: {
      traces: { type: Array, default: () => [] },
      layout: { type: Object, default: () => ({}) },
      points: { type: Object, default: null },
      words: { type: Object, default: null },
      mark: { type: Array, default: null },
      file: { type: String, default: "plot" },
    },
    emits: ["pick"],
    setup(props, { emit, expose }) {
      const element = ref(null);
      const seen = new ResizeObserver(() => show());
      let drawn = false;
      let pressed = false;
      let waiting = false;

      const isSeen = () => element.value && element.value.clientWidth > 0;

      // A drawing between press and release would swallow the click.
      function onPress() {
        pressed = true;
      }

      function onRelease() {
        if (!pressed) return;
        pressed = false;
        if (waiting) setTimeout(draw);
      }

      function draw() {
        waiting = pressed;
        if (waiting || !isSeen()) return;
        const points = toRaw(props.points);
        const words = toRaw(props.words);
        const traces = toRaw(props.traces).map((one) => filled(toRaw(one), points, words));
        const layout = { ...copy(props.layout), shapes: rings(props.mark) };
        // Over curves, the wheel scrolls the column that they stand in.
        const config = { ...CONFIG, scrollZoom: Boolean(points) };
        window.Plotly.react(element.value, traces, layout, config);
        if (!drawn) element.value.on("plotly_click", onClick);
        drawn = true;
      }

      function show() {
        if (!isSeen()) return;
        // The legend is first placed by the lines that it had before: drawn anew it finds its place.
        if (drawn) window.Plotly.Plots.resize(element.value).then(draw);
        else draw();
      }

      // The whole list of shapes at once: then Plotly draws nothing but these.
      function move() {
        if (drawn) window.Plotly.relayout(element.value, { shapes: rings(props.mark) });
      }

      function onClick(event) {
        const point = event.points[0];
        const members = point && point.data.members;
        if (members) emit("pick", [props.points.version, members[point.pointNumber]]);
      }

      async function save() {
        if (!drawn) return;
        const { data, layout, clientWidth: width, clientHeight: height } = element.value;
        const paper = { paper_bgcolor: "#ffffff", plot_bgcolor: "#ffffff" };
        const light = { ...copy(layout), ...paper, font: { ...layout.font, color: "#202020" } };
        const picture = { format: "png", filename: props.file, scale: 3, width, height };
        await window.Plotly.downloadImage({ data, layout: light }, picture);
      }

      watch(() => [props.traces, props.points, props.words, props.layout], draw);
      watch(() => props.mark, move);
      onMounted(() => {
        seen.observe(element.value);
        element.value.addEventListener("mousedown", onPress, true);
        window.addEventListener("mouseup", onRelease);
      });
      onBeforeUnmount(() => {
        window.removeEventListener("mouseup", onRelease);
        seen.disconnect();
        if (drawn) window.Plotly.purge(element.value);
      });
      expose({ save });
      return () => h("div", { ref: element, style: "width: 100%; height: 100%" });
    },
  };

  window.activeseed_plot = { install: (app) => app.component("activeseed-plot", ActiveSeedPlot) };
})();
