#include "controlplane/vipctl/text_table.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace vipgate {
namespace {

TEST(VipctlTextTable, ColumnsStandUnderEachOtherWithoutBlanksAtTheEnd) {
  TextTable table;
  table.add_head({"A", "LONG", "C"});
  table.add({"wide", "", "c"});
  table.add({"x", "y", ""});
  EXPECT_EQ(table.text(), "A     LONG  C\nwide        c\nx     y\n");
}

TEST(VipctlTextTable, ColoursMoveNoColumn) {
  TextTable table;
  table.add_head({"STATE", "N"});
  table.add({state_cell("down"), "1"});
  table.add({state_cell("up"), "2"});
  table.add({state_cell("else"), "3"});
  EXPECT_EQ(table.text({.has_colors = true}),
            "\x1b[1mSTATE\x1b[0m  \x1b[1mN\x1b[0m\n"
            "\x1b[1;31mdown\x1b[0m   1\n"
            "\x1b[32mup\x1b[0m     2\n"
            "else   3\n");
}

TEST(VipctlTextTable, ColoursAreChosenOrGoToTerminalsAlone) {
  EXPECT_TRUE(wants_colors("always"));
  EXPECT_FALSE(wants_colors("never"));
}

}  // namespace
}  // namespace vipgate
