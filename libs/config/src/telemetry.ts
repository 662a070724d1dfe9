import { z } from 'zod';
import { integer } from './values.js';

/** OpenTelemetry's own variables (its specification names and explains them), as far as they act here. */
export const telemetry = {
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .string()
    .refine(
      (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
      'is not an http or https URL',
    )
    .optional()
    .describe('Collector for traces and metrics; without it nothing is exported'),
  OTEL_EXPORTER_OTLP_PROTOCOL: z
    .enum(['http/protobuf', 'http/json'])
    .default('http/protobuf')
    .describe('How it is spoken to: http/protobuf or http/json'),
  OTEL_EXPORTER_OTLP_HEADERS: pairs('is not a list of name=value')
    .optional()
    .describe(
      'Headers of every export, such as a key of the collector: name=value, comma-separated',
    ),
  OTEL_EXPORTER_OTLP_TIMEOUT: integer(1, 600_000)
    .default(10_000)
    .describe('Milliseconds that one export may take'),
  OTEL_SDK_DISABLED: z
    .string()
    .toLowerCase()
    .pipe(z.enum(['true', 'false']))
    .transform((value) => value === 'true')
    .default(false)
    .describe('true: nothing is exported'),
  OTEL_TRACES_EXPORTER: z
    .enum(['otlp', 'none'])
    .default('otlp')
    .describe('none: no traces are exported'),
  OTEL_METRICS_EXPORTER: z
    .enum(['otlp', 'none'])
    .default('otlp')
    .describe('none: no metrics are exported'),
  OTEL_TRACES_SAMPLER: z
    .enum([
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ])
    .default('parentbased_traceidratio')
    .describe(
      'Which calls are traced; parentbased_: those whose client asks for it too, up to a bound. Failures and denials always are',
    ),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^\d*\.?\d+$/, 'is not a number')
    .transform(Number)
    .refine((value) => value <= 1, 'is not between 0 and 1')
    .default(0.01)
    .describe('Part of the calls that is traced, 0 to 1'),
  OTEL_BSP_SCHEDULE_DELAY: integer(10, 600_000)
    .default(5_000)
    .describe('Milliseconds between two exports of spans'),
  OTEL_BSP_MAX_QUEUE_SIZE: integer(1, 1_000_000)
    .default(2_048)
    .describe('Spans that wait for their export; more are dropped and counted'),
  OTEL_METRIC_EXPORT_INTERVAL: integer(100, 3_600_000)
    .default(60_000)
    .describe('Milliseconds between two exports of metrics'),
  OTEL_SERVICE_NAME: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('Name of the service in traces and metrics; by default conducktor- and its name'),
  OTEL_RESOURCE_ATTRIBUTES: pairs('is not a list of name=value')
    .transform((value) => Object.fromEntries(entriesOf(value)))
    .optional()
    .describe('What else is said of this process: name=value, comma-separated'),
};

/** As of W3C Baggage: values are percent-encoded. */
function pairs(problem: string) {
  return z.string().refine((value) => {
    try {
      return entriesOf(value).every(([name]) => name !== '');
    } catch {
      return false;
    }
  }, problem);
}

function entriesOf(value: string): [string, string][] {
  return value
    .split(',')
    .filter((item) => item.trim() !== '')
    .map((item) => {
      const at = item.indexOf('=');
      return at < 1
        ? ['', '']
        : [item.slice(0, at).trim(), decodeURIComponent(item.slice(at + 1).trim())];
    });
}
