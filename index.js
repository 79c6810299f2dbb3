'use strict';

/** The public face: types and documentation stand in index.d.ts, what it does in ts/server. */
const { SSEService } = require('./dist/server/service.js');

exports.SSEService = SSEService;
