/* Counts for a while each time it is run. */
struct __sk_buff;

#define N_TURNS 50000u /* the verifier follows each of them */

__attribute__((section("socket"), used)) int spin_in_kernel(struct __sk_buff *packet)
{
	unsigned int x = 1;

	(void)packet;
	for (unsigned int i = 0; i < N_TURNS; i++)
		__asm__ volatile("%0 *= 31" : "+r"(x));
	return (int)(x & 1);
}

__attribute__((section("license"), used)) char license_text[] = "GPL";
