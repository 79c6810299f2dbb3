'use strict';

/** Sends by two copies of the package, the one in the folder of its argument first. */
const { join } = require('node:path');
const { trace } = require('@opentelemetry/api');
const { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-base');

const exporter = new InMemorySpanExporter();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));

const copies = [join(process.argv[2], 'index.js'), 'ssekit'].map((file) => require(file).SSEService.getInstance());
const spans = copies.map((sse) => {
  exporter.reset();
  sse.sendToUser('ada', { data: 1 });
  return exporter.getFinishedSpans().map(({ name }) => name);
});
process.send({ different: copies[0] !== copies[1], events: copies[0].stats().events, spans });
process.disconnect();
