/* Sets the alarm of the real-time clock, and waits until it rings: rtc-alarm SECONDS */
#include <fcntl.h>
#include <linux/rtc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct rtc_time now;
	struct tm at;
	unsigned long rung;
	int clock = open("/dev/rtc0", O_RDONLY);

	if (argc != 2 || clock < 0 || ioctl(clock, RTC_RD_TIME, &now) < 0) {
		perror("rtc0");
		return 1;
	}
	at = (struct tm){
		.tm_sec = now.tm_sec + atoi(argv[1]),
		.tm_min = now.tm_min,
		.tm_hour = now.tm_hour,
		.tm_mday = now.tm_mday,
		.tm_mon = now.tm_mon,
		.tm_year = now.tm_year,
	};
	timegm(&at);
	now.tm_sec = at.tm_sec;
	now.tm_min = at.tm_min;
	now.tm_hour = at.tm_hour;
	if (ioctl(clock, RTC_ALM_SET, &now) < 0 || ioctl(clock, RTC_AIE_ON, 0) < 0) {
		perror("alarm");
		return 1;
	}
	if (read(clock, &rung, sizeof(rung)) != sizeof(rung) || !(rung & RTC_AF)) {
		perror("read");
		return 1;
	}
	puts("rings");
	return 0;
}
