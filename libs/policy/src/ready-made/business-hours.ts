import { TimeWindow } from '@conducktor/contracts';
import { PolicyError } from '../parse.js';
import { compileTimeWindow, isTimeZone, WEEK } from '../time-window.js';
import type { ReadyMade } from './types.js';

export const businessHours: ReadyMade = {
  id: 'business-hours',
  title: 'Business hours',
  sentence: 'Outside these hours nothing is changed; reading goes on.',
  parameters: [
    { name: 'zone', description: 'The time zone, as in the IANA database.', default: 'UTC' },
    {
      name: 'days',
      description: 'The days of work: mon, tue, wed, thu, fri, sat, sun.',
      default: ['mon', 'tue', 'wed', 'thu', 'fri'],
    },
    { name: 'from', description: 'When work begins.', default: '09:00' },
    { name: 'to', description: 'When work ends.', default: '18:00' },
    {
      name: 'classes',
      description: 'What is refused outside of them: read, write, destructive.',
      default: ['write', 'destructive'],
    },
    {
      name: 'message',
      description: 'What people read after "Permission denied: ".',
      default: 'Outside business hours',
    },
  ],
  make: ({ zone, days, from, to, classes, message }) => {
    const outside = instantOutside({ zone, days, from, to });
    const restDays = WEEK.filter((day) => !(days as readonly string[]).includes(day));
    const refuse = (id: string, time: object) => ({
      id,
      when: { class: classes, time: { zone, ...time } },
      effect: 'deny',
      message,
    });
    return {
      rules: [
        refuse('business-hours-night', { from: to, to: from }),
        // With the hours, which begin on a day of work and may end on one of rest.
        ...(restDays.length > 0
          ? [refuse('business-hours-rest-days', { days: restDays, from, to })]
          : []),
      ],
      tests: [
        {
          name: 'nothing outside business hours',
          call: {
            tool: 'any_tool',
            class: (classes as readonly string[])[0],
            at: outside,
          },
          expect: 'deny',
        },
      ],
    };
  },
};

// A Monday; any would do.
const SOME_DAY = Date.parse('2026-01-05T00:00:00Z');
const MINUTES_OF_A_WEEK = 7 * 24 * 60;

/** An instant at which nobody works. Throws PolicyError for hours that are none, or all there are. */
function instantOutside(hours: object): string {
  const window = TimeWindow.safeParse(hours);
  if (!window.success || !isTimeZone(window.data.zone) || window.data.from === window.data.to)
    throw new PolicyError([
      {
        field: 'parameters',
        problem:
          'need a known "zone", "days" such as mon, and "from" and "to" such as "09:00" and "18:00"',
      },
    ]);
  const isWork = compileTimeWindow(window.data);
  let minute = 0;
  while (minute < MINUTES_OF_A_WEEK && isWork(minuteOf(minute))) minute++;
  return minuteOf(minute).toISOString();
}

const minuteOf = (minute: number) => new Date(SOME_DAY + minute * 60_000);
