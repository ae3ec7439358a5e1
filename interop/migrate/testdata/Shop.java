import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/** The shop before it moves: /shop/ is its start page, /shop/login and /shop/logout are what they say, /shop/cart/ is the cart. */
public class Shop extends HttpServlet {
    /** A class of the shop's own: Go passes it on without knowing it. */
    public static class Customer implements Serializable {
        private static final long serialVersionUID = 1;
        private final String name;
        private final int discount;

        Customer(String name, int discount) {
            this.name = name;
            this.discount = discount;
        }

        @Override public String toString() {
            return name + ", " + discount + " %";
        }
    }

    @Override protected void doGet(HttpServletRequest in, HttpServletResponse out) throws IOException {
        out.setContentType("text/plain;charset=UTF-8");
        HttpSession session = in.getSession(false);
        if (in.getRemoteUser() == null || session == null) {
            out.getWriter().println("java " + in.getServletPath() + ": nobody has logged in");
            return;
        }
        Integer clicks = (Integer) session.getAttribute("clicks");
        Double total = (Double) session.getAttribute("total");
        Customer customer = (Customer) session.getAttribute("customer");
        out.getWriter().println("java " + in.getServletPath() + ": " + in.getRemoteUser() + " (" + customer + ") staff=" + in.isUserInRole("staff")
            + " clicks=" + clicks + " total=" + total + " cart=" + session.getAttribute("cart"));
    }

    @Override protected void doPost(HttpServletRequest in, HttpServletResponse out) throws IOException, ServletException {
        HttpSession session = in.getSession();
        switch (in.getServletPath()) {
        case "/login":
            in.login(in.getParameter("user"), in.getParameter("password"));
            session.setAttribute("customer", new Customer(in.getParameter("user"), 5));
            break;
        case "/logout":
            session.invalidate();
            break;
        case "/cart/add":
            add(session, in.getParameter("item"), Double.parseDouble(in.getParameter("price")));
            break;
        default:
            out.sendError(404);
            return;
        }
        out.sendRedirect("/shop/");
    }

    private static void add(HttpSession session, String item, double price) {
        @SuppressWarnings("unchecked")
        List<Object> cart = (List<Object>) session.getAttribute("cart");
        cart = cart == null ? new ArrayList<>() : new ArrayList<>(cart);
        cart.add(item);
        session.setAttribute("cart", cart);
        Integer clicks = (Integer) session.getAttribute("clicks");
        session.setAttribute("clicks", clicks == null ? 1 : clicks + 1);
        Double total = (Double) session.getAttribute("total");
        session.setAttribute("total", total == null ? price : total + price);
    }
}
