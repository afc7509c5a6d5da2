// Burns CPU in two functions for so many milliseconds.
"use strict";
const until = Date.now() + Number(process.argv[2] || 1000);
function innermost(n) {
	let x = 1;
	for (let i = 1; i < n; i++)
		x = (x * 31 + i) % 1000003;
	return x;
}
function outermost() {
	let sum = 0;
	while (Date.now() < until)
		sum += innermost(200000);
	return sum;
}
outermost();
