// Burns CPU in functions that only .symtab names: for as many milliseconds as its argument says.
#include <cstdlib>

extern "C" {
#include "burn.h"
}

namespace workload {
namespace {

struct Engine {
	noinline void turn(uint64_t ms);
};

void Engine::turn(uint64_t ms)
{
	burn_ns(ms * 1000000);
	__asm__ volatile("");
}

noinline void drive(Engine &engine, uint64_t ms)
{
	engine.turn(ms);
	__asm__ volatile("");
}

} // namespace
} // namespace workload

int main(int argc, char **argv)
{
	workload::Engine engine;

	workload::drive(engine, std::strtoull(argc > 1 ? argv[1] : "50", nullptr, 10));
	return 0;
}
